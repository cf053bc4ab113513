import KedastralCore
import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps every open page's part of the list up to date: all its rows when it connects, then twice a second those that changed.
///
/// An event is `{"now":…,"leadTimeSeconds":…,"total":…,"states":{"ok":…},"stale":…,"matching":…,"offers":[…],"rows":[…],"chosen":[…],"unknown":[…]}`:
/// milliseconds since 1970, how many workloads there are, are in each state, and match the search (with the sum of their requested pods as `pods`, of the most planned ones as `peak`, and with `groups=true` the
/// same by prefix as `groups`, with `groups=label:NAME` by that label); the names of the `labels`; what the host can be asked about one; the rows in sight that changed,
/// each with its `index` in the page's order; and, when one of them changed, all chosen workloads, and the names among them
/// that there are not. One comes even when nothing changed, so that a page knows the host's time and that it lives.
/// Loop-bound.
final class OverviewStream {
  /// The maximum number of open pages; further ones are refused.
  static let maximumViewers = 100

  /// One open page and its content.
  private struct Viewer {
    let stream: EventStream
    let query: OverviewQuery
    var rows: [[UInt8]] = []
    var chosen: [UInt8] = []
  }

  /// The paths, without the slash, that a page can request for a workload.
  var offers: [String] = []

  private let loop: EventLoop
  private let board: ForecastBoard
  private let leadTime: Duration
  private var viewers: [ObjectIdentifier: Viewer] = [:]
  private var timer: LoopTimer?

  init(_ board: ForecastBoard, leadTime: Duration, on loop: EventLoop) {
    self.board = board
    self.leadTime = leadTime
    self.loop = loop
  }

  /// Whether one more page can be served.
  var hasRoom: Bool { viewers.count < Self.maximumViewers }

  /// Serves one more page.
  func add(_ stream: EventStream, _ query: OverviewQuery) {
    let key = ObjectIdentifier(stream)
    viewers[key] = Viewer(stream: stream, query: query)
    stream.onClose = { [weak self] in
      guard let self else { return }
      viewers[key] = nil
      if viewers.isEmpty { timer = nil }
    }
    update([key])
    if timer == nil {
      timer = LoopTimer(on: loop, every: .milliseconds(500)) { [unowned self] in update(Array(viewers.keys)) }
    }
  }

  private func update(_ keys: [ObjectIdentifier]) {
    let overview = board.overview()
    let counts = overview.counts
    for key in keys {
      guard var viewer = viewers[key] else { continue }
      let document = document(for: &viewer, overview, counts)
      viewers[key] = viewer
      viewer.stream.send("overview", document)
    }
  }

  private func document(for viewer: inout Viewer, _ overview: Overview, _ counts: [WorkloadState: Int]) -> [UInt8] {
    let query = viewer.query
    let found = overview.rows(matching: query)
    let inSight = query.rows.clamped(to: 0..<found.count)
    let rows = inSight.map { index in
      var text = JSONText()
      found[index].write(to: &text, index: index)
      return text.bytes
    }
    let changed = rows.enumerated().filter { viewer.rows.count <= $0.offset || viewer.rows[$0.offset] != $0.element }
    viewer.rows = rows
    var chosen = JSONText()
    chosen.array(query.chosen.compactMap(overview.row)) { $1.write(to: &$0, index: nil) }
    let hasNews = chosen.bytes != viewer.chosen
    viewer.chosen = chosen.bytes

    var text = JSONText()
    text.object {
      $0.member("now", overview.now.milliseconds)
      $0.member("leadTimeSeconds", leadTime.inSeconds)
      $0.member("total", Double(overview.rows.count))
      $0.member("stale", Double(counts[.stale] ?? 0))
      $0.member("states") { text in
        text.object { states in
          for state in WorkloadState.allCases { states.member(state.rawValue, Double(counts[state] ?? 0)) }
        }
      }
      $0.member("matching", Double(found.count))
      let total = OverviewGroup.total(of: found)
      $0.member("pods", Double(total.pods))
      $0.member("peak", Double(total.peak))
      if let key = query.groups {
        let groups = OverviewGroup.groups(of: found, by: key, overview.labels)
        $0.member("groups") { $0.array(groups) { $1.write(to: &$0) } }
      }
      if !overview.labels.names.isEmpty { $0.member("labels") { $0.array(overview.labels.names) { $0.string($1) } } }
      $0.member("offers") { $0.array(offers) { $0.string($1) } }
      $0.member("rows") { $0.array(changed) { $0.json($1.element) } }
      if hasNews {
        $0.member("chosen") { $0.json(chosen.bytes) }
        $0.member("unknown") {
          $0.array(query.chosen.filter { overview.row(of: $0) == nil }) { $0.string($1) }
        }
      }
    }
    return text.bytes
  }
}

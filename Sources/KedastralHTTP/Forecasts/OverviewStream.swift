import KedastralCore
import KedastralNet

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Keeps every open page's list up to date: all rows when it connects, then twice a second the rows that changed.
///
/// Each event `rows` is `{"now":…,"leadTimeSeconds":…,"isComplete":…,"rows":[…],"removed":[…]}`; one comes even when
/// nothing changed, so that a page knows the host's time and that the host lives. Loop-bound.
final class OverviewStream {
  /// More pages than that are turned away.
  static let maximumViewers = 100

  private let loop: EventLoop
  private let board: ForecastBoard
  private let leadTime: Duration
  private var viewers: [ObjectIdentifier: EventStream] = [:]
  private var rows: [String: OverviewRow] = [:]
  private var timer: LoopTimer?

  init(_ board: ForecastBoard, leadTime: Duration, on loop: EventLoop) {
    self.board = board
    self.leadTime = leadTime
    self.loop = loop
  }

  /// Whether one more page can be served.
  var hasRoom: Bool { viewers.count < Self.maximumViewers }

  /// Serves one more page.
  func add(_ viewer: EventStream) {
    // The others get what has changed first, so that all know the same rows.
    tick()
    if viewers.isEmpty { rows = Dictionary(uniqueKeysWithValues: board.rows().map { ($0.workload, $0) }) }
    viewers[ObjectIdentifier(viewer)] = viewer
    viewer.onClose = { [weak self, weak viewer] in
      guard let self, let viewer else { return }
      viewers[ObjectIdentifier(viewer)] = nil
      if viewers.isEmpty { rest() }
    }
    viewer.send("rows", document(rows.values, removed: [], isComplete: true))
    if timer == nil { timer = LoopTimer(on: loop, every: .milliseconds(500)) { [unowned self] in tick() } }
  }

  private func tick() {
    guard !viewers.isEmpty else { return }
    var gone = rows
    var changed: [OverviewRow] = []
    for row in board.rows() where gone.removeValue(forKey: row.workload) != row {
      rows[row.workload] = row
      changed.append(row)
    }
    for name in gone.keys { rows[name] = nil }
    let document = document(changed, removed: gone.keys, isComplete: false)
    for viewer in viewers.values { viewer.send("rows", document) }
  }

  /// Nobody looks: nothing is computed.
  private func rest() {
    timer = nil
    rows = [:]
  }

  private func document(
    _ rows: some Sequence<OverviewRow>, removed: some Sequence<String>, isComplete: Bool
  ) -> [UInt8] {
    var text = JSONText()
    text.object {
      $0.member("now", (board.now.timeIntervalSince1970 * 1000).rounded())
      $0.member("leadTimeSeconds", leadTime.inSeconds)
      $0.member("isComplete", isComplete)
      $0.member("rows") { $0.array(rows) { $1.write(to: &$0) } }
      $0.member("removed") { $0.array(removed) { $0.string($1) } }
    }
    return text.bytes
  }
}

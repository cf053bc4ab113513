import FoundationEssentials
import KedastralCore
import KedastralDaemon

/// The state of `kedastral top`'s screen: keys and new data change it, and the lines are computed from it.
struct TopScreen {
  /// What a list is sorted by.
  enum Order: String, CaseIterable {
    case name
    case load
    case replicas
    case peak
    case age
    case state

    var next: Order { Self.allCases[(Self.allCases.firstIndex(of: self).map { $0 + 1 } ?? 0) % Self.allCases.count] }
  }

  /// What the keys control.
  enum Mode: Equatable {
    case list
    case filtering
    case open(WorkloadName)
    case help
  }

  /// The forecaster's last response.
  struct News: Sendable {
    var listed: [ForecasterClient.Listed]
    var histories: [WorkloadName: TimeSeries]

    init(_ listed: [ForecasterClient.Listed], histories: [WorkloadName: TimeSeries] = [:]) {
      self.listed = listed
      self.histories = histories
    }
  }

  var size: TerminalSize
  var order = Order.name
  var isReversed = false
  var filter = ""
  var mode = Mode.list
  /// The connection problem, in one line; nil when there is none.
  var problem: String?
  private(set) var news: News?
  private(set) var selected: WorkloadName?
  /// The workloads as of `now`, from the latest response.
  private var rows: [WorkloadRow] = []
  private var now = Date.distantPast
  private var heardAt = Date.distantPast
  private let server: String
  private let leadTime: Duration?
  private let staleAfter: Duration

  init(
    server: String, leadTime: Duration? = nil, staleAfter: Duration = .seconds(120), size: TerminalSize
  ) {
    self.server = server
    self.leadTime = leadTime
    self.staleAfter = staleAfter
    self.size = size
  }

  /// Applies the forecaster's response.
  mutating func update(_ news: News, at now: Date) {
    self.news = news
    problem = nil
    heardAt = now
    stand(at: now)
    if selected == nil { selected = shown.first?.workload }
  }

  /// Updates the age of plans, also while the forecaster does not respond.
  mutating func pass(to now: Date) {
    guard news != nil, abs(now.timeIntervalSince(self.now)) >= 1 else { return }
    stand(at: now)
  }

  private mutating func stand(at now: Date) {
    self.now = now
    rows = (news?.listed ?? []).map { WorkloadRow($0, leadTime: leadTime, staleAfter: staleAfter, at: now) }
  }

  /// The rows that pass the filter, in order.
  var shown: [WorkloadRow] {
    let wanted = filter.lowercased()
    let rows = self.rows.filter {
      wanted.isEmpty || $0.workload.text.lowercased().contains(wanted) || $0.metric.lowercased().contains(wanted)
        || $0.state.rawValue == wanted
    }
    // Names in alphabetical order, numbers with the largest first.
    let sorted = rows.sorted { left, right in
      switch order {
      case .name: left.workload < right.workload
      case .load: (right.load ?? -1, left.workload) < (left.load ?? -1, right.workload)
      case .replicas: (right.replicas ?? -1, left.workload) < (left.replicas ?? -1, right.workload)
      case .peak: (right.peakReplicas ?? -1, left.workload) < (left.peakReplicas ?? -1, right.workload)
      case .age: (right.age ?? .zero, left.workload) < (left.age ?? .zero, right.workload)
      // The most severe state first.
      case .state: (right.state.urgency, left.workload) < (left.state.urgency, right.workload)
      }
    }
    return isReversed ? sorted.reversed() : sorted
  }

  /// The workloads whose history is on the screen, or about to be.
  var wanted: [WorkloadName] {
    if case .open(let name) = mode { return [name] }
    let rows = shown
    return rows[window(rows)].map(\.workload)
  }

  /// Handles a key; returns false to quit.
  mutating func press(_ key: Key) -> Bool {
    if key == .interrupt { return false }
    switch mode {
    case .filtering: type(key)
    case .open: if !readKeys(key) { return false }
    case .help:
      if key == .character("q") { return false }
      mode = .list
    case .list: if !listKeys(key) { return false }
    }
    return true
  }

  private mutating func type(_ key: Key) {
    switch key {
    case .character(let character): filter.append(character)
    case .backspace: if filter.isEmpty { mode = .list } else { filter.removeLast() }
    case .escape:
      filter = ""
      mode = .list
    case .enter: mode = .list
    case .up, .down: _ = listKeys(key)
    default: break
    }
    keepSelection()
  }

  private mutating func readKeys(_ key: Key) -> Bool {
    switch key {
    case .character("q"): return false
    case .escape, .left, .backspace, .enter: mode = .list
    case .up, .character("k"): move(by: -1)
    case .down, .character("j"): move(by: 1)
    case .character("?"): mode = .help
    default: break
    }
    if case .open = mode, let selected { mode = .open(selected) }
    return true
  }

  private mutating func listKeys(_ key: Key) -> Bool {
    switch key {
    case .character("q"): return false
    case .up, .character("k"): move(by: -1)
    case .down, .character("j"): move(by: 1)
    case .pageUp: move(by: -listHeight)
    case .pageDown: move(by: listHeight)
    case .home, .character("g"): move(by: -shown.count)
    case .end, .character("G"): move(by: shown.count)
    case .character("s"): order = order.next
    case .character("r"): isReversed.toggle()
    case .character("/"): mode = .filtering
    case .character("?"): mode = .help
    case .escape:
      filter = ""
      keepSelection()
    case .enter, .right: if let selected { mode = .open(selected) }
    default: break
    }
    return true
  }

  private mutating func move(by rows: Int) {
    let all = shown
    guard !all.isEmpty else { return }
    let index = all.firstIndex { $0.workload == selected } ?? 0
    selected = all[min(max(0, index + rows), all.count - 1)].workload
  }

  private mutating func keepSelection() {
    let all = shown
    if !all.contains(where: { $0.workload == selected }) { selected = all.first?.workload }
  }

  // MARK: Lines

  /// As many lines as the screen has rows, each no longer than a row.
  func lines(_ style: TextStyle) -> [String] {
    var body: [ScreenLine]
    if case .open(let name) = mode, let row = rows.first(where: { $0.workload == name }) {
      let snapshot = news?.listed.first { $0.workload == name }?.snapshot
      body = TopDetail(row: row, snapshot: snapshot, history: news?.histories[name], size: bodySize).lines
    } else if mode == .help {
      body = Self.keys
    } else {
      body = list
    }
    body = Array(body.prefix(bodySize.rows))
    body += Array(repeating: ScreenLine(), count: max(0, bodySize.rows - body.count))
    return ([title] + body + [footer]).prefix(max(1, size.rows)).map { $0.text(width: size.columns, style) }
  }

  private var bodySize: TerminalSize { TerminalSize(columns: size.columns, rows: max(0, size.rows - 2)) }
  /// Rows under the list's heading.
  private var listHeight: Int { max(1, bodySize.rows - 1) }

  private var title: ScreenLine {
    var line = ScreenLine()
    line.add("kedastral ", .heading)
    line.add(server)
    if let problem {
      let silence = Duration.seconds(max(0, now.timeIntervalSince(heardAt)))
      line.add(news == nil ? "  DISCONNECTED" : "  DISCONNECTED for \(silence.shortText)", .bad)
      line.add(": " + problem, .bad)
    }
    if news != nil {
      let replicas = rows.compactMap(\.replicas).reduce(0, +)
      line.add("  \(rows.count) workloads, \(replicas) replicas requested")
      for state in WorkloadState.allCases where state != .ok {
        let count = rows.count { $0.state == state }
        if count > 0 { line.add("  \(count) \(state.rawValue)", state.urgency > 2 ? .bad : .warning) }
      }
    }
    return line
  }

  private var footer: ScreenLine {
    var line = ScreenLine()
    switch mode {
    case .filtering: line.add("filter: \(filter)▏  Enter keep  Esc clear", .heading)
    case .open: line.add("↑↓ next workload  Esc back  ? keys  q quit", .quiet)
    case .help: line.add("any key: back  q quit", .quiet)
    case .list:
      let direction = isReversed ? ", reversed" : ""
      line.add(
        "↑↓ move  Enter open  s sort (\(order.rawValue)\(direction))  r reverse  / filter"
          + (filter.isEmpty ? "" : " (\(filter))") + "  ? keys  q quit", .quiet)
    }
    return line
  }

  /// What the keys and columns mean.
  private static let keys: [ScreenLine] = [
    ("↑ ↓ j k", "the workload before or after"), ("PgUp PgDn", "a page up or down"),
    ("g G", "the first or last workload"),
    ("Enter", "open the workload"), ("Esc", "back; without a filter"), ("s", "sort by the next column"),
    ("r", "reverse the order"), ("/", "filter by name, metric or state"), ("?", "this list"), ("q Ctrl-C", "quit"),
    ("", ""), ("LOAD", "the load measured last"), ("AHEAD", "the largest load in the forecast"),
    ("REQUESTED", "the replicas that a scaler requests now"),
    ("REQUIRED", "the replicas that the load requires until the lead time, before limits"),
    ("MAX", "the most replicas ahead"), ("AGE", "the age of the plan"),
  ].map { name, meaning in
    var line = ScreenLine()
    line.add(name, width: 12, .heading)
    line.add(meaning)
    return line
  }

  private var list: [ScreenLine] {
    guard news != nil else { return [ScreenLine(problem == nil ? "connecting to \(server) …" : "")] }
    let rows = shown
    let columns = Columns(rows, width: size.columns)
    var lines = [columns.heading(order)]
    if rows.isEmpty {
      lines.append(ScreenLine(filter.isEmpty ? "no workloads" : "no workload matches '\(filter)'"))
    }
    for row in rows[window(rows)] {
      let line = columns.line(row, history: news?.histories[row.workload])
      lines.append(row.workload == selected ? line.inRole(.selected, width: size.columns) : line)
    }
    return lines
  }

  /// The rows on the screen: the page with the selected row.
  private func window(_ rows: [WorkloadRow]) -> Range<Int> {
    let index = rows.firstIndex { $0.workload == selected } ?? 0
    let first = index / listHeight * listHeight
    return first..<min(rows.count, first + listHeight)
  }

  /// The widths of the columns: names as needed, numbers fixed, bars get the rest.
  private struct Columns {
    private let name: Int
    private let behind: Int
    private let ahead: Int

    init(_ rows: [WorkloadRow], width: Int) {
      let fixed = 9 + 10 + 7 + 11 + 9 + 5 + 5
      name = min(max(10, (rows.map(\.workload.text.count).max() ?? 0) + 1), max(10, (width - fixed) / 2))
      let bars = max(0, width - name - fixed - 3)
      ahead = bars * 2 / 5
      behind = bars - ahead
    }

    func heading(_ order: Order) -> ScreenLine {
      func title(_ text: String, _ own: Order) -> String { own == order ? text + "▾" : text }
      var line = ScreenLine()
      line.add(title("WORKLOAD", .name), width: name, .heading)
      line.add(title("STATE", .state), width: 9, .heading)
      line.add(title("LOAD", .load), width: 10, toTheRight: true, .heading)
      line.add("AHEAD", width: 7, toTheRight: true, .heading)
      line.add(title("REQUESTED", .replicas), width: 11, toTheRight: true, .heading)
      line.add("REQUIRED", width: 9, toTheRight: true, .heading)
      line.add(title("MAX", .peak), width: 5, toTheRight: true, .heading)
      line.add(title("AGE", .age), width: 5, toTheRight: true, .heading)
      line.add("  ")
      line.add("history", width: behind, .heading)
      line.add(" ")
      line.add("forecast", width: ahead, .heading)
      return line
    }

    func line(_ row: WorkloadRow, history: TimeSeries?) -> ScreenLine {
      var line = ScreenLine()
      line.add(row.workload.text, width: name)
      line.add(row.state.rawValue, width: 9, row.role)
      line.add(row.load?.loadText ?? (row.absence == nil ? "–" : "no sample"), width: 10, toTheRight: true)
      line.add(row.peakLoad?.loadText ?? "–", width: 7, toTheRight: true)
      let isRising = if let replicas = row.replicas, let peak = row.peakReplicas { replicas < peak } else { false }
      line.add(row.replicas.map(String.init) ?? "–", width: 11, toTheRight: true, row.role ?? .good)
      line.add(row.required.map(String.init) ?? "–", width: 9, toTheRight: true, row.isCapped ? .bad : nil)
      line.add(row.peakReplicas.map(String.init) ?? "–", width: 5, toTheRight: true, isRising ? .warning : nil)
      line.add(row.age?.shortText ?? "–", width: 5, toTheRight: true, row.isStale ? .bad : nil)
      line.add("  ")
      let values = Sparkline.fitted(row.values, width: ahead)
      let measured = Sparkline.fitted(history?.values ?? [], width: behind)
      let scale = Sparkline(for: values, measured)
      line.add(scale.text(measured), width: behind, toTheRight: true, .quiet)
      line.add("│")
      line.add(scale.text(values), .forecast)
      return line
    }
  }
}

extension WorkloadState {
  /// The urgency: higher is worse.
  var urgency: Int {
    switch self {
    case .ok: 0
    case .dryRun: 1
    case .learning: 2
    case .starting: 3
    case .bridged: 4
    case .failing: 5
    case .capped: 6
    case .stale: 7
    }
  }
}

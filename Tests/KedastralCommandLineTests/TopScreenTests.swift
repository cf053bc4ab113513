import Foundation
import KedastralCore
import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("The screen of kedastral top")
struct TopScreenTests {
  private func screen(_ names: [String], columns: Int = 80, rows: Int = 24, filter: String = "") throws -> TopScreen {
    var screen = TopScreen(server: "http://f:8081", size: TerminalSize(columns: columns, rows: rows))
    screen.filter = filter
    let plans = try names.enumerated().map { index, name in
      try TestForecaster.plan(name, base: Double((index * 7 + 3) % 10 * 100), age: .seconds(Double(index)))
    }
    let now = SystemWallClock().now
    let history = TimeSeries(start: now, step: .seconds(60), values: (0..<100).map(Double.init))
    screen.update(
      TopScreen.News(
        plans.map { ForecasterClient.Listed(workload: $0.workload, snapshot: $0) },
        histories: Dictionary(uniqueKeysWithValues: plans.map { ($0.workload, history) })), at: now)
    return screen
  }

  private func names(_ screen: TopScreen) -> [String] { screen.shown.map(\.workload.text) }

  @Test(
    "fills the screen exactly, at any size, in each mode",
    arguments: [(80, 24), (200, 60), (40, 10), (12, 3), (1, 1)])
  func fills(columns: Int, rows: Int) throws {
    var screen = try screen(["api", "worker", "shop"], columns: columns, rows: rows)
    for keys in ["", "/", "\u{1B}", "?", "x", "\r"] {
      for key in Key.keys(in: Array(keys.utf8)) { _ = screen.press(key) }
      let lines = screen.lines(.plain)
      #expect(lines.count == rows)
      #expect(lines.allSatisfy { $0.count <= columns })
    }
  }

  @Test("a workload's line has load, peak, current and largest replicas, and bars of history and forecast")
  func line() throws {
    let lines = try screen(["api"]).lines(.plain)
    let fields = lines[2].split(separator: " ")
    #expect(fields.prefix(8) == ["api", "ok", "300", "329", "7", "–", "7", "0s"])
    let bars = try #require(fields.last).split(separator: "│")
    #expect(bars.count == 2 && bars.allSatisfy { $0.allSatisfy { "▁▂▃▄▅▆▇█".contains($0) } })
    #expect(lines[0].contains("1 workloads, 7 replicas requested"))
  }

  @Test("? shows the keys and the columns; any key goes back")
  func keyList() throws {
    var screen = try screen(["api"])
    _ = screen.press(.character("?"))
    let text = screen.lines(.plain).joined(separator: "\n")
    for part in ["q Ctrl-C", "sort by the next column", "REQUIRED", "any key: back"] { #expect(text.contains(part)) }
    let goesOn = screen.press(.character("x"))
    #expect(goesOn && screen.mode == .list)
    _ = screen.press(.character("?"))
    let quits = !screen.press(.character("q"))
    #expect(quits)
  }

  @Test("s cycles through the sort columns, r reverses the order")
  func sorts() throws {
    var screen = try screen(["c", "a", "b"])  // loads 300, 0, 700
    #expect(names(screen) == ["a", "b", "c"])
    _ = screen.press(.character("s"))
    #expect(screen.order == .load && names(screen) == ["b", "c", "a"])
    _ = screen.press(.character("r"))
    #expect(names(screen) == ["a", "c", "b"])
    for _ in 0..<5 { _ = screen.press(.character("s")) }
    #expect(screen.order == .name)
  }

  @Test("a filter narrows the list while it is typed, and Escape clears it")
  func filters() throws {
    var screen = try screen(["api", "worker", "api-two"])
    for key in Key.keys(in: Array("/API-".utf8)) { _ = screen.press(key) }
    #expect(names(screen) == ["api-two"] && screen.mode == .filtering)
    _ = screen.press(.backspace)
    #expect(names(screen) == ["api", "api-two"])
    _ = screen.press(.enter)
    #expect(screen.mode == .list && names(screen).count == 2)
    _ = screen.press(.escape)
    #expect(names(screen).count == 3)
  }

  @Test("arrows move the selection, long lists have pages, and only visible workloads are fetched")
  func pages() throws {
    var screen = try screen((0..<100).map { "w\(100 + $0)" }, rows: 13)
    #expect(screen.wanted.map(\.text) == (100..<110).map { "w\($0)" })
    for _ in 0..<10 { _ = screen.press(.down) }
    #expect(screen.selected?.text == "w110" && screen.wanted.first?.text == "w110")
    _ = screen.press(.end)
    #expect(screen.selected?.text == "w199")
    _ = screen.press(.pageUp)
    #expect(screen.selected?.text == "w189")
    _ = screen.press(.home)
    #expect(screen.selected?.text == "w100")
  }

  @Test("Enter opens a workload with its chart and plan, arrows select the next one, Escape returns")
  func opens() throws {
    var screen = try screen(["api", "worker"])
    _ = screen.press(.enter)
    var text = screen.lines(.plain).joined(separator: "\n")
    #expect(text.contains("replicas  7") && text.contains("auto, 50.0 per pod") && text.contains("█"))
    _ = screen.press(.down)
    text = screen.lines(.plain).joined(separator: "\n")
    #expect(text.contains("\nworker  rps") && screen.wanted.map(\.text) == ["worker"])
    _ = screen.press(.escape)
    #expect(screen.mode == .list)
  }

  @Test("q and Ctrl-C quit, but q is a letter while a filter is typed")
  func quits() throws {
    func goesOn(_ keys: Key...) throws -> Bool {
      var screen = try screen(["api"])
      return keys.map { screen.press($0) }.last ?? true
    }
    #expect(try !goesOn(.character("q")))
    #expect(try !goesOn(.interrupt))
    #expect(try goesOn(.character("/"), .character("q")))
    #expect(try !goesOn(.character("/"), .interrupt))
    #expect(try !goesOn(.enter, .character("q")))
  }

  @Test("shows DISCONNECTED while the forecaster does not respond, and plans age until they are stale")
  func disconnected() throws {
    // All instants are the plan's own, so that none depends on how fast the machine is.
    let plan = try TestForecaster.plan("api", base: 300)
    let begin = plan.generatedAt
    var screen = TopScreen(server: "http://f:8081", size: TerminalSize(columns: 140, rows: 24))
    screen.update(TopScreen.News([.init(workload: plan.workload, snapshot: plan)]), at: begin)
    screen.problem = "Connection refused"
    screen.pass(to: begin + .seconds(50))
    var lines = screen.lines(.plain)
    #expect(lines[0].contains("DISCONNECTED for 50s: Connection refused"), "\(lines[0])")
    #expect(lines[2].split(separator: " ")[7] == "50s" && lines[2].split(separator: " ")[1] == "ok", "\(lines[2])")
    screen.pass(to: begin + .seconds(130))
    lines = screen.lines(.plain)
    let fields = lines[2].split(separator: " ")
    #expect(fields.prefix(8) == ["api", "stale", "300", "329", "–", "–", "7", "2m"], "\(lines[2])")
    #expect(lines[0].contains("1 stale"))
  }

  @Test("shows states, requirements above a limit and the last error in the list and for one workload")
  func states() throws {
    let now = SystemWallClock().now
    let (capped, trial, silent) = try TestForecaster.states(silence: .seconds(3600), at: now)
    let problem = WorkloadProblem(stage: .collect, text: "Connection refused", since: now - .seconds(240), failures: 9)
    var screen = TopScreen(server: "http://f:8081", size: TerminalSize(columns: 140, rows: 30))
    screen.update(
      TopScreen.News([
        .init(workload: capped.workload, snapshot: capped), .init(workload: trial.workload, snapshot: trial),
        .init(workload: silent.workload, snapshot: silent),
        .init(workload: try WorkloadName("broken"), problem: problem), .init(workload: try WorkloadName("new")),
      ]), at: now)
    let lines = Dictionary(
      uniqueKeysWithValues: screen.lines(.plain).dropFirst(2).prefix(5).map { line in
        let fields = line.split(separator: " ").map(String.init)
        return (fields[0], fields)
      })
    #expect(lines["broken"]?[1] == "failing" && lines["new"]?[1] == "starting" && lines["trial"]?[1] == "dry-run")
    #expect(lines["capped"]?[1...5] == ["capped", "500", "529", "11", "23"])
    #expect(lines["silent"]?[1...3] == ["bridged", "no", "sample"])
    screen.order = .state
    #expect(names(screen) == ["capped", "broken", "silent", "new", "trial"])
    func opened(_ name: String) throws -> String {
      screen.filter = name
      _ = screen.press(.home)
      _ = screen.press(.enter)
      defer { _ = screen.press(.escape) }
      return screen.lines(.plain).joined(separator: "\n")
    }
    #expect(try opened("capped").contains("capped at 11: the load needs 23"))
    #expect(try opened("broken").contains("(9 rounds): collect: Connection refused"))
    #expect(try opened("silent").contains("no sample since \(Timestamp.clock(now - .seconds(3600), at: now))"))
    #expect(try opened("trial").contains("dry run: the plan is not served"))
  }

  @Test("parses terminals' key sequences, and skips unknown ones")
  func keys() {
    #expect(
      Key.keys(in: Array("j\u{1B}[A\u{1B}OB\r\u{7F}\u{3}".utf8)) == [
        .character("j"), .up, .down, .enter, .backspace, .interrupt,
      ])
    #expect(Key.keys(in: Array("\u{1B}[15~é\u{1B}".utf8)) == [.character("é"), .escape])
    #expect(Key.keys(in: [0x1B, UInt8(ascii: "[")]) == [])
  }
}

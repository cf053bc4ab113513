import Foundation
import KedastralCore
import Testing

@testable import KedastralHosting

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
        rows: plans.map { WorkloadRow($0, leadTime: .seconds(300), staleAfter: .seconds(120), at: now) },
        snapshots: Dictionary(uniqueKeysWithValues: plans.map { ($0.workload, $0) }),
        histories: Dictionary(uniqueKeysWithValues: plans.map { ($0.workload, history) })))
    return screen
  }

  private func names(_ screen: TopScreen) -> [String] { screen.shown.map(\.workload.text) }

  @Test(
    "it fills the screen exactly, whatever its size, in each mode",
    arguments: [(80, 24), (200, 60), (40, 10), (12, 3), (1, 1)])
  func fills(columns: Int, rows: Int) throws {
    var screen = try screen(["api", "worker", "shop"], columns: columns, rows: rows)
    for keys in ["", "/", "\u{1B}", "\r"] {
      for key in Key.keys(in: Array(keys.utf8)) { _ = screen.press(key) }
      let lines = screen.lines(.plain)
      #expect(lines.count == rows)
      #expect(lines.allSatisfy { $0.count <= columns })
    }
  }

  @Test("a workload's line has load, peak, pods now and at most, and bars of history and forecast")
  func line() throws {
    let lines = try screen(["api"]).lines(.plain)
    let fields = lines[2].split(separator: " ")
    #expect(fields.prefix(6) == ["api", "300", "329", "7", "7", "0s"])
    let bars = try #require(fields.last).split(separator: "│")
    #expect(bars.count == 2 && bars.allSatisfy { $0.allSatisfy { "▁▂▃▄▅▆▇█".contains($0) } })
    #expect(lines[0].contains("1 workloads, 7 replicas asked for"))
  }

  @Test("s sorts by one column after the other, r turns the order round")
  func sorts() throws {
    var screen = try screen(["c", "a", "b"])  // loads 300, 0, 700
    #expect(names(screen) == ["a", "b", "c"])
    _ = screen.press(.character("s"))
    #expect(screen.order == .load && names(screen) == ["b", "c", "a"])
    _ = screen.press(.character("r"))
    #expect(names(screen) == ["a", "c", "b"])
    for _ in 0..<4 { _ = screen.press(.character("s")) }
    #expect(screen.order == .name)
  }

  @Test("a filter narrows the list while it is typed, and Escape ends it")
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

  @Test("arrows move, a long list turns its pages, and only what is shown is wanted from the forecaster")
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

  @Test("Enter opens a workload with its chart and plan, arrows go to the next one, Escape back")
  func opens() throws {
    var screen = try screen(["api", "worker"])
    _ = screen.press(.enter)
    var text = screen.lines(.plain).joined(separator: "\n")
    #expect(text.contains("replicas  7") && text.contains("auto, 50.0 for a pod") && text.contains("█"))
    _ = screen.press(.down)
    text = screen.lines(.plain).joined(separator: "\n")
    #expect(text.contains("\nworker  rps") && screen.wanted.map(\.text) == ["worker"])
    _ = screen.press(.escape)
    #expect(screen.mode == .list)
  }

  @Test("q and Ctrl-C quit; while a filter is typed q is a letter")
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

  @Test("a forecaster that is away is said at the top, and what was known stays")
  func problem() throws {
    var screen = try screen(["api"])
    screen.problem = "Connection refused"
    let lines = screen.lines(.plain)
    #expect(lines[0].contains("Connection refused") && lines[2].hasPrefix("api"))
  }

  @Test("keys are read from what terminals send; what is unknown is passed over")
  func keys() {
    #expect(
      Key.keys(in: Array("j\u{1B}[A\u{1B}OB\r\u{7F}\u{3}".utf8)) == [
        .character("j"), .up, .down, .enter, .backspace, .interrupt,
      ])
    #expect(Key.keys(in: Array("\u{1B}[15~é\u{1B}".utf8)) == [.character("é"), .escape])
    #expect(Key.keys(in: [0x1B, UInt8(ascii: "[")]) == [])
  }
}

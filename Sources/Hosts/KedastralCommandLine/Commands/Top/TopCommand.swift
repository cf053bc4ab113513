import FoundationEssentials
import Glibc
import Kedastral
import KedastralCore
import KedastralDaemon
import KedastralNet
import Synchronization

/// `kedastral top`: a live view of a forecaster's workloads.
enum TopCommand: Command {
  static let name = "top"
  static let summary = "watch a running forecaster's workloads"

  static let syntax = CommandSyntax(
    about: """
      kedastral top shows a running forecaster's workloads, live: load, forecast, replicas, and bars of history and forecast.
      If standard input or output is not a terminal, it prints the list once, as kedastral get workloads does.
      """,
    usage: ["[options]"],
    groups: [
      ServerInput.options,
      .init(
        title: "Output",
        options: [
          .init("interval", "DURATION", "time between two updates (default 2s)"),
          .init("sort", "ORDER", choices: TopScreen.Order.allCases.map(\.rawValue), "the order (default name)"),
          .init("filter", "TEXT", "only workloads whose name or metric contains it"),
          .output(ListFormat.names), .json,
        ],
        note: "With a format it prints once instead of showing a screen."),
    ],
    notes: [
      """
      Keys: arrows, j, k, Page Up and Down, g, G move; Enter opens a workload, Escape goes back; s sorts by the next column, r
      reverses the order; / filters while you type; ? shows the keys; q or Ctrl-C quits.
      """
    ],
    examples: """
      kedastral top
      kedastral top --server http://kedastral-forecaster:8081 --sort load
      """)

  static func run(_ options: CommandOptions) async throws {
    let server = try ServerInput(options)
    let interval = try options.duration("interval") ?? .seconds(2)
    guard interval >= .milliseconds(100) else {
      throw UsageError(description: "\(options.typed("interval")) is less than 100ms")
    }
    var screen = TopScreen(
      server: server.forecaster.endpoint.displayName, leadTime: server.leadTime, staleAfter: server.staleAfter,
      size: .standard)
    screen.filter = options.value("filter") ?? ""
    screen.order = options.choice("sort") ?? .name
    if options.has("output") || options.has("json") || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 {
      try await once(screen, server, options.format(default: ListFormat.table))
    } else {
      try await live(screen, server, interval: interval)
    }
  }

  private static func once(_ screen: TopScreen, _ server: ServerInput, _ format: ListFormat) async throws {
    var screen = screen
    let now = Date()
    screen.update(TopScreen.News(try await server.forecaster.listed()), at: now)
    Program.show(WorkloadRow.text(screen.shown, format))
  }

  private static func live(_ initial: TopScreen, _ server: ServerInput, interval: Duration) async throws {
    let loop = try EventLoop()
    let signals = try await ProcessSignals(on: loop, reloads: false)
    let feed = TopFeed(server, interval: interval)
    guard var terminal = ScreenTerminal.take() else { throw UsageError(description: "the terminal cannot be used") }
    var screen = initial
    let style = TextStyle.of(STDOUT_FILENO)
    try await withThrowingTaskGroup { group in
      let isAsked = SignalFlag()
      group.addTask { try await feed.run() }
      group.addTask { if await signals.next() != nil { isAsked.raise() } }
      defer { group.cancelAll() }
      // The screen's refresh interval is short enough to poll keys and the terminal size.
      while !isAsked.isRaised {
        guard let keys = terminal.keys() else { return }
        for key in keys where !screen.press(key) { return }
        screen.size = terminal.size
        let (news, problem) = feed.take(wanted: screen.wanted)
        if let news { screen.update(news, at: Date()) }
        if let problem { screen.problem = problem }
        screen.pass(to: Date())
        terminal.draw(screen.lines(style))
        try await Task.sleep(for: .milliseconds(30))
      }
    }
    terminal.close()
    try await signals.close()
  }
}

/// Whether a signal has arrived.
private final class SignalFlag: Sendable {
  private let flag = Atomic(false)
  var isRaised: Bool { flag.load(ordering: .relaxed) }
  func raise() { flag.store(true, ordering: .relaxed) }
}

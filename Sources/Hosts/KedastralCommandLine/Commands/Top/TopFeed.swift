import FoundationEssentials
import KedastralCore
import KedastralDaemon
import Synchronization

/// Polls a forecaster for the data that `kedastral top` shows.
final class TopFeed: Sendable {
  private struct State {
    var wanted: [WorkloadName] = []
    var news: TopScreen.News?
    var problem: String?
  }

  private let server: ServerInput
  private let interval: Duration
  private let state = Mutex(State())

  init(_ server: ServerInput, interval: Duration) {
    self.server = server
    self.interval = interval
  }

  /// The data since the last call; `wanted` are the workloads whose histories are fetched from now on.
  func take(wanted: [WorkloadName]) -> (news: TopScreen.News?, problem: String?) {
    state.withLock { state in
      defer {
        state.news = nil
        state.problem = nil
      }
      state.wanted = wanted
      return (state.news, state.problem)
    }
  }

  /// Fetches until the task is cancelled. With very many workloads it fetches less often, so that it never polls for
  /// more than half of the time.
  func run() async throws {
    var histories: [WorkloadName: TimeSeries] = [:]
    while true {
      let begin = ContinuousClock.now
      do {
        let listed = try await server.forecaster.listed()
        publish(TopScreen.News(listed, histories: histories))
        // The workloads on the screen, once the screen has reported them; until then the first ones.
        let asked = state.withLock { $0.wanted }
        histories = try await self.histories(asked.isEmpty ? listed.prefix(60).map(\.workload) : asked)
        publish(TopScreen.News(listed, histories: histories))
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        state.withLock { $0.problem = "\(error)" }
      }
      try await Task.sleep(for: max(interval, ContinuousClock.now - begin))
    }
  }

  private func publish(_ news: TopScreen.News) { state.withLock { $0.news = news } }

  private func histories(_ names: [WorkloadName]) async throws -> [WorkloadName: TimeSeries] {
    try await withThrowingTaskGroup(of: (WorkloadName, TimeSeries?).self) { [server] group in
      for name in names {
        group.addTask { (name, try await server.forecaster.history(of: name, points: 240)) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
  }
}

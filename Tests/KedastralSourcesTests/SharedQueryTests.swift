import Foundation
import KedastralCore
import KedastralNet
import KedastralTesting
import Synchronization
import TestSupport
import Testing

@testable import KedastralSources

@Suite("One query for many workloads, on a double that counts requests")
struct SharedQueryTests {
  private static let now = Date(timeIntervalSince1970: 1_800_000_000)
  private static let step = Duration.seconds(60)
  private static let interval = Duration.seconds(30)

  /// The load of an app at a time: different for each.
  private static func load(_ app: Int, _ time: Int) -> Double { Double(app * 1000 + time / 60 % 1000) }

  private static func apps(_ query: QueryDouble.Query, _ apps: Range<Int>) -> FaultServer.Answer {
    query.matrix(apps.map { app in ("\"app\":\"app-\(app)\"", { load(app, $0) }) })
  }

  private struct Room {
    let server: QueryDouble
    let clock: ManualClock
    let queries: SharedQueries
    let endpoint: HTTPEndpoint

    func source(
      _ value: String, step: Duration = SharedQueryTests.step, interval: Duration = SharedQueryTests.interval,
      partialResponse: PrometheusSource.PartialResponse = .use
    ) -> SharedPrometheusSource {
      queries.source(
        of: value, label: "app", query: "sum by (app) (load)", at: endpoint,
        partialResponse: partialResponse, step: step, interval: interval)
    }

    /// The range of a loop that needs `steps` samples now.
    func range(_ steps: Int) -> Range<Date> {
      let end = clock.now.floored(to: SharedQueryTests.step)
      return (end - SharedQueryTests.step * (steps - 1))..<(end + SharedQueryTests.step / 2)
    }

    func read(_ source: SharedPrometheusSource, _ steps: Int) async throws -> MetricReading {
      try await source.read(in: range(steps), step: SharedQueryTests.step)
    }

    func problem(_ source: SharedPrometheusSource, _ steps: Int) async -> String {
      do {
        _ = try await read(source, steps)
        return "samples came back"
      } catch { return "\(error)".replacingOccurrences(of: server.url, with: "URL") }
    }
  }

  private func withRoom(
    _ respond: @escaping @Sendable (QueryDouble.Query) -> FaultServer.Answer, _ body: (Room) async throws -> Void
  ) async throws {
    let server = try await QueryDouble(respond)
    let clock = ManualClock(at: Self.now)
    let result: Result<Void, any Error> = await Result {
      try await withClient { client in
        try await body(
          Room(
            server: server, clock: clock,
            queries: SharedQueries(client: client, clock: clock, logger: .silent), endpoint: HTTPEndpoint(server.url)))
      }
    }
    try await server.stop()
    try result.get()
  }

  private func expected(_ app: Int, _ range: Range<Date>) -> [Double] {
    TimeSeries.sampled(in: range, step: Self.step) { Self.load(app, Int($0.timeIntervalSince1970)) }.values
  }

  @Test("workloads with the same query are served by one request in each interval")
  func oneRequest() async throws {
    try await withRoom({ Self.apps($0, 0..<50) }) { room in
      let sources = (0..<40).map { room.source("app-\($0)") }
      for round in 1...3 {
        let range = room.range(6)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for (app, source) in sources.enumerated() {
            group.addTask {
              let reading = try await source.read(in: range, step: Self.step)
              #expect(
                reading
                  == MetricReading(TimeSeries(start: range.lowerBound, step: Self.step, values: expected(app, range))))
            }
          }
          try await group.waitForAll()
        }
        #expect(room.server.queries.count == round)
        room.clock.advance(by: Self.interval)
      }
    }
  }

  @Test("a response serves until its interval ends, for all readers and ranges")
  func interval() async throws {
    try await withRoom({ Self.apps($0, 0..<3) }) { room in
      let (first, second) = (room.source("app-0"), room.source("app-1"))
      let slow = room.source("app-2", interval: .seconds(60))
      room.clock.advance(by: .seconds(7))
      _ = try await room.read(first, 8)
      room.clock.advance(by: .seconds(22))
      let reading = try await room.read(second, 3)
      #expect(reading.series.values == expected(1, room.range(3)))
      #expect(room.server.queries.count == 1)
      room.clock.advance(by: .seconds(1))
      _ = try await room.read(second, 3)
      #expect(room.server.queries.count == 2, "a new interval")
      _ = try await room.read(slow, 3)
      #expect(room.server.queries.count == 2, "a longer interval accepts the newest response")
    }
  }

  @Test("a workload that lacks more samples widens the request, and so do the next requests")
  func widening() async throws {
    try await withRoom({ Self.apps($0, 0..<3) }) { room in
      let source = room.source("app-1")
      _ = try await room.read(source, 4)
      let reading = try await room.read(source, 30)
      #expect(reading.series.values == expected(1, room.range(30)))
      #expect(room.server.queries.map(\.points) == [SharedQuery.leastTail, 30])
      room.clock.advance(by: Self.interval)
      _ = try await room.read(source, 30)
      #expect(room.server.queries.map(\.points) == [SharedQuery.leastTail, 30, 30])
      for _ in 0..<2 {
        room.clock.advance(by: Self.interval)
        _ = try await room.read(source, 4)
      }
      #expect(room.server.queries.last?.points == SharedQuery.leastTail)
    }
  }

  @Test("histories are requested once for all workloads, in parts, and the newest samples come from the interval")
  func histories() async throws {
    try await withRoom({ Self.apps($0, 0..<100) }) { room in
      let steps = 11_520
      let sources = (0..<100).map { room.source("app-\($0)") }
      // The second half begins a minute later.
      for (app, source) in sources.enumerated() {
        if app == 50 { room.clock.advance(by: .seconds(60)) }
        let reading = try await room.read(source, steps)
        #expect(reading.series.values == expected(app, room.range(steps)), "app \(app)")
      }
      let points = SharedQuery.samplesPerRequest / 100
      #expect(
        room.server.queries.map(\.points)
          == [SharedQuery.leastTail, points, points, steps - 2 * points, SharedQuery.leastTail])
    }
  }

  @Test("announced histories of workloads that have read their newest samples are requested together")
  func announced() async throws {
    try await withRoom({ Self.apps($0, 0..<20) }) { room in
      let sources = (0..<20).map { room.source("app-\($0)") }
      for source in sources {
        _ = try await room.read(source, 180)
        await source.announceHistory(from: room.range(2000).lowerBound)
      }
      let before = room.server.queries.count
      for (app, source) in sources.enumerated() {
        #expect(try await room.read(source, 2000).series.values == expected(app, room.range(2000)))
      }
      #expect(room.server.queries.dropFirst(before).map(\.points) == [2000])
    }
  }

  @Test("a workload that is added later reads its history alone, and the others are not disturbed")
  func added() async throws {
    try await withRoom({ Self.apps($0, 0..<3) }) { room in
      let first = room.source("app-0")
      _ = try await room.read(first, 1000)
      let count = room.server.queries.count
      // A response holds the samples of the workloads that there were when it was requested.
      let second = room.source("app-1")
      let reading = try await room.read(second, 1000)
      #expect(reading.series.values == expected(1, room.range(1000)))
      #expect(room.server.queries.dropFirst(count).map(\.points) == [SharedQuery.leastTail, 1000])
      _ = try await room.read(first, 6)
      #expect(room.server.queries.count == count + 2)
    }
  }

  @Test("a missing label value is an error that names it and what was there; others are served")
  func absent() async throws {
    try await withRoom({ Self.apps($0, 0..<5) }) { room in
      let known = room.source("app-1")
      let unknown = room.source("app-x")
      for (steps, since) in [(6, "2027-01-15T07:53:00Z"), (5000, "2027-01-11T20:41:00Z")] {
        #expect(
          await room.problem(unknown, steps)
            == "URL: query sum by (app) (load): no series with app=\"app-x\" since \(since): the query returned 5 series, such as app=\"app-0\", app=\"app-1\", app=\"app-2\""
        )
      }
      let count = room.server.queries.count
      for _ in 0..<3 {
        _ = await room.problem(unknown, 5000)
        _ = try await room.read(known, 6)
      }
      #expect(room.server.queries.count == count, "the absence of a history is remembered")
    }
  }

  @Test("a series that vanishes is an error without wider requests, and its gap is read when it comes back")
  func vanished() async throws {
    let isGone = Mutex(false)
    try await withRoom({ query in
      isGone.withLock { $0 } ? Self.apps(query, 1..<3) : Self.apps(query, 0..<3)
    }) { room in
      let (source, other) = (room.source("app-0"), room.source("app-1"))
      _ = try await room.read(source, 400)
      _ = try await room.read(other, 400)
      isGone.withLock { $0 = true }
      var count = room.server.queries.count
      for round in 1...300 {
        room.clock.advance(by: .seconds(60))
        #expect(await room.problem(source, 6 + round).contains("no series with app=\"app-0\""))
        _ = try await room.read(other, 6)
        #expect(room.server.queries.count == count + round)
        #expect(room.server.queries.last?.points == SharedQuery.leastTail)
      }
      isGone.withLock { $0 = false }
      count = room.server.queries.count
      room.clock.advance(by: .seconds(60))
      let reading = try await room.read(source, 307)
      #expect(reading.series.values == expected(0, room.range(307)))
      #expect(room.server.queries.count == count + 2)
    }
  }

  @Test("two series with the same label value are an error of their workload, which says how to mend it")
  func duplicates() async throws {
    try await withRoom({ query in
      query.matrix([
        (#""app":"shop","pod":"a""#, { _ in 1 }), (#""app":"blog""#, { _ in 2 }),
        (#""app":"shop","pod":"b""#, { _ in 3 }),
      ])
    }) { room in
      #expect(
        await room.problem(room.source("shop"), 6)
          == #"URL: query sum by (app) (load): expected one series with app="shop", got several, such as {app="shop",pod="a"} and {app="shop",pod="b"}; aggregate them, for instance sum by (app) (…)"#
      )
      let reading = try await room.read(room.source("blog"), 2)
      #expect(reading.series.values == [2, 2])
    }
  }

  @Test("series without the label, and a query without series, are reported")
  func unlabelled() async throws {
    try await withRoom({ $0.matrix([(#""job":"a""#, { _ in 1 })]) }) { room in
      #expect(
        await room.problem(room.source("shop"), 6).hasSuffix(
          #"the query returned 1 series; one without this label is {job="a"}"#))
    }
    try await withRoom({ $0.matrix([]) }) { room in
      #expect(await room.problem(room.source("shop"), 6).hasSuffix("the query returned no series"))
    }
  }

  @Test("an error reaches all that wait, stands for those that come soon, and is tried again after a growing time")
  func errors() async throws {
    let gate = Gate()
    let isDown = Mutex(true)
    try await withRoom({ query in
      gate.pass()
      return isDown.withLock { $0 } ? .json("out of order", status: 503) : Self.apps(query, 0..<20)
    }) { room in
      let sources = (0..<20).map { room.source("app-\($0)") }
      let tasks = sources.map { source in Task { await room.problem(source, 6) } }
      await room.clock.waitForSleepers(20)
      gate.open()
      for task in tasks { #expect(await task.value == "URL: query sum by (app) (load): HTTP 503: out of order") }
      #expect(room.server.queries.count == 1)
      for wait in [0.5, 0.6, 1.1, 1] {
        room.clock.advance(by: .seconds(wait))
        for source in sources { #expect(await room.problem(source, 6).hasSuffix("HTTP 503: out of order")) }
      }
      #expect(room.server.queries.count == 3, "after one second, and after two more")
      isDown.withLock { $0 = false }
      room.clock.advance(by: .seconds(4))
      for source in sources {
        let reading = try await room.read(source, 6)
        #expect(reading.partialFrom == nil)
      }
      #expect(room.server.queries.count == 4)
    }
  }

  @Test("all workloads of a failing query share one log line")
  func outage() async throws {
    try await withRoom({ _ in .json(#"{"status":"error","errorType":"bad_data","error":"no"}"#, status: 400) }) {
      room in
      let error = await #expect(throws: SharedQueryError.self) { try await room.read(room.source("a"), 6) }
      #expect(error?.outage == "\(room.server.url): query sum by (app) (load)")
    }
    try await withRoom({ Self.apps($0, 0..<2) }) { room in
      let error = await #expect(throws: SharedQueryError.self) { try await room.read(room.source("a"), 6) }
      #expect(error?.outage == nil, "a missing series concerns one workload")
    }
  }

  @Test("a reader that is cancelled, or has waited for the deadline, ends alone")
  func cancellation() async throws {
    let gate = Gate()
    try await withRoom({ query in
      gate.pass()
      return Self.apps(query, 0..<3)
    }) { room in
      let sources = (0..<3).map { room.source("app-\($0)") }
      let cancelled = Task { try await room.read(sources[0], 6) }
      await room.clock.waitForSleepers(1)
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }

      let patient = Task { await room.problem(sources[1], 6) }
      await room.clock.waitForSleepers(1)
      room.clock.advance(by: .seconds(11))
      #expect(await patient.value == "URL: query sum by (app) (load): no response within 11s")

      let last = Task { try await room.read(sources[2], 6) }
      await room.clock.waitForSleepers(1)
      gate.open()
      let reading = try await last.value
      #expect(reading.series.values == expected(2, room.range(6)))
      #expect(room.server.queries.count == 1)
    }
  }

  @Test("an incomplete response is reported to all workloads, or refused for all")
  func partial() async throws {
    try await withRoom({ query in
      query.matrix(
        (0..<3).map { app in ("\"app\":\"app-\(app)\"", { Self.load(app, $0) }) },
        more: query.start < 1_799_990_000 ? "" : #""warnings":["a store did not respond"],"#)
    }) { room in
      let sources = (0..<3).map { room.source("app-\($0)") }
      for source in sources {
        let reading = try await room.read(source, 6)
        #expect(reading.partialFrom == room.range(6).lowerBound)
      }
      #expect(room.server.queries.count == 1)
      let history = try await room.read(sources[1], 1000)
      #expect(history.partialFrom == room.range(SharedQuery.leastTail).lowerBound)
      #expect(
        await room.problem(room.source("app-1", partialResponse: .refuse), 6).contains("the response is incomplete"))
    }
  }

  @Test("a history that the server refuses as too large is requested in smaller parts")
  func tooLarge() async throws {
    try await withRoom({ query in
      query.points > 3000
        ? .json(#"{"status":"error","errorType":"execution","error":"too many samples"}"#, status: 422)
        : Self.apps(query, 0..<2)
    }) { room in
      let reading = try await room.read(room.source("app-1"), 8000)
      #expect(reading.series.values == expected(1, room.range(8000)))
      #expect(room.server.queries.dropFirst().map(\.points) == [8000, 4000, 2000, 2000, 2000, 2000])
    }
  }

  @Test("a history that fails is continued, not begun again")
  func continuedHistory() async throws {
    let isDown = Mutex(false)
    let middle = Int(Self.now.timeIntervalSince1970) - 9500 * 60
    try await withRoom({ query in
      isDown.withLock { $0 } && query.start > middle && query.points > 100
        ? .raw("") : Self.apps(query, 0..<2)
    }) { room in
      let source = room.source("app-1")
      isDown.withLock { $0 = true }
      #expect(await room.problem(source, 20_000).contains("query sum by (app) (load)"))
      let failed = room.server.queries.count
      isDown.withLock { $0 = false }
      room.clock.advance(by: .seconds(2))
      let reading = try await room.read(source, 20_000)
      #expect(reading.series.values == expected(1, room.range(20_000)))
      let points = room.server.queries.dropFirst(failed).map(\.points)
      #expect(points.reduce(0, +) == 9000, "\(points)")
    }
  }

  @Test("a history that takes long is joined with the newest samples by a longer request")
  func longHistory() async throws {
    let gate = Gate()
    try await withRoom({ query in
      if query.points == 1000 { gate.pass() }
      return Self.apps(query, 0..<2)
    }) { room in
      let (first, second) = (room.source("app-0"), room.source("app-1"))
      let impatient = Task { await room.problem(first, 1000) }
      try await eventually("the request for histories") { gate.isReached }
      await room.clock.waitForSleepers(1)
      room.clock.advance(by: .seconds(1200))
      #expect(
        await impatient.value
          == "URL: query sum by (app) (load): the history has not been read within 11s; 0 % has arrived, and reading continues"
      )
      let patient = Task { try await room.read(second, 1000) }
      gate.open()
      let reading = try await patient.value
      #expect(reading.series.values == expected(1, room.range(1000)))
      #expect(room.server.queries.map(\.points) == [SharedQuery.leastTail, 1000, SharedQuery.leastTail, 20])
      let other = try await room.read(first, 1000)
      #expect(other.series.values == expected(0, room.range(1000)))
      #expect(room.server.queries.count == 4)
    }
  }

  @Test("a source is recognised by its server, query, label and value")
  func identity() async throws {
    try await withRoom({ $0.matrix([]) }) { room in
      #expect(
        room.source("shop").loadIdentity
          == ["prometheus", room.server.url, "sum by (app) (load)", "app", "shop"].joined(separator: "\n"))
    }
  }

  @Test("workloads of another step, query or partial-response setting have requests of their own")
  func separate() async throws {
    try await withRoom({ Self.apps($0, 0..<2) }) { room in
      _ = try await room.read(room.source("app-0"), 6)
      _ = try await room.read(room.source("app-0", partialResponse: .refuse), 6)
      let other = room.source("app-0", step: .seconds(30))
      _ = try await other.read(in: room.range(2), step: .seconds(30))
      #expect(room.server.queries.count == 3)
      await #expect(throws: SharedPrometheusSource.OtherStep.self) { try await room.read(other, 2) }
    }
  }

  @Test("a response is not used any more when the clock is set back, or reads nothing for an empty range")
  func clock() async throws {
    try await withRoom({ Self.apps($0, 0..<2) }) { room in
      let source = room.source("app-0")
      _ = try await room.read(source, 6)
      room.clock.advance(by: .seconds(-3600))
      let reading = try await room.read(source, 6)
      #expect(reading.series.values == expected(0, room.range(6)))
      #expect(room.server.queries.count == 2)
      let empty = try await source.read(in: room.clock.now..<room.clock.now, step: Self.step)
      #expect(empty.series.isEmpty)
    }
  }
}

@Suite("Columns of a Prometheus response")
struct PrometheusColumnsTests {
  private let grid = GridRange(first: 10, count: 3, step: .seconds(60))

  private func columns(_ series: String) throws -> PrometheusColumns {
    try PrometheusColumns(
      Array(#"{"status":"success","data":{"resultType":"matrix","result":[\#(series)]}}"#.utf8), label: "app",
      grid: grid, isWanted: { $0 != "other" })
  }

  @Test("labels may follow the values, and samples off the grid or not finite are missing")
  func order() throws {
    let read = try columns(
      #"{"values":[[600,"1"],[660,"NaN"],[1e300,"4"],[-1,"5"],[780,"6"]],"metric":{"app":"a"}},{"metric":{"app":"b"}},{"metric":{"app":"other"},"values":[[600,"9"]]},{"metric":{"app":""},"values":[[600,"9"]]}"#
    )
    #expect(read.columns.keys.sorted() == ["a", "b"])
    #expect(read.columns["a"]?.map { $0.isNaN ? -1 : $0 } == [1, -1, -1])
    #expect(read.columns["b"]?.contains { !$0.isNaN } == false)
    #expect(read.seriesCount == 4)
    #expect(read.notFiniteCount == 1)
    #expect(read.unlabelled == #"{app=""}"#)
    #expect(read.examples == ["a", "b", "other"])
  }

  @Test("reads or rejects every truncated or changed response without crashing")
  func mutations() throws {
    let text = Array(
      #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"app":"a"},"values":[[600,"1"]]},{"values":[[660,"2"]],"metric":{"app":"b"}}]}}"#
        .utf8)
    func read(_ bytes: [UInt8]) throws -> PrometheusColumns {
      try PrometheusColumns(bytes, label: "app", grid: grid, isWanted: { _ in true })
    }
    #expect(try read(text).columns.count == 2)
    for length in 0..<text.count { #expect(throws: JSONScanner.Defect.self) { try read(Array(text[..<length])) } }
    for index in text.indices {
      for byte in [0x00, 0x22, 0x2C, 0x39, 0x5B, 0x5C, 0x5D, 0x65, 0x7B, 0x7D, 0xFF] as [UInt8] {
        var changed = text
        changed[index] = byte
        _ = try? read(changed)
      }
    }
  }
}

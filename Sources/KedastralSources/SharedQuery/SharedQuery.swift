import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A Prometheus query whose series, told apart by a label, are the loads of many workloads.
///
/// The newest samples are requested once per interval, whichever workload reads first; the response serves all of them until
/// the interval ends. Intervals begin at whole multiples of their length since the Unix epoch. Histories of workloads that
/// begin are requested together, in parts, and each is kept until its workload has read it.
///
/// A request runs in a task of its own: a reader that is cancelled, or has waited for the deadline, ends alone. An error
/// reaches all that wait, and stands for a while for those that come later, so that they do not repeat the request.
actor SharedQuery {
  /// How many samples a request asks for, over all series: about 17 MB of JSON.
  static let samplesPerRequest = 500_000
  /// The least number of instants of a request.
  static let leastTail = 8
  /// A reader that lacks more than this number of instants reads them as history.
  static let mostTail = 240
  /// How long a history waits for its reader.
  static let historyLifetime = Duration.seconds(300)
  /// How long a value without any series is taken to have no history.
  static let absenceLifetime = Duration.seconds(3600)

  /// Histories on their way.
  private struct Backfill {
    var answer: SharedAnswer
    let readers: Set<Int>
    /// How many instants have arrived.
    var offset = 0
    var requests = 0
    /// Failed requests in a row.
    var failures = 0
  }

  nonisolated let readers = SharedReaders()
  nonisolated let query: PrometheusQuery
  nonisolated let label: String
  private let step: Duration
  private let clock: any WallClock

  private var answer: SharedAnswer?
  private var isAsking = false
  private var answerWaiters = WaitingTasks()
  private var answerFailure = HeldFailure()
  /// The most instants that a reader has needed since the last request.
  private var tail = 0

  private var backfill: Backfill?
  private var isBackfilling = false
  private var backfillWaiters = WaitingTasks()
  private var backfillFailure = HeldFailure()
  /// The first instant that each reader needs, of those that wait for history.
  private var wantedHistories: [Int: Int] = [:]
  private var histories: [Int: SharedHistory] = [:]
  /// The last instant that each reader has read.
  private var readUntil: [Int: Int] = [:]
  /// The most instants of a request for history; less after the server failed to answer one.
  private var partLimit = PrometheusQuery.pointsPerQuery
  private var lastTask = 0

  init(_ query: PrometheusQuery, label: String, step: Duration, clock: any WallClock) {
    self.query = query
    self.label = label
    self.step = step
    self.clock = clock
  }

  // MARK: Reading

  /// The samples of a reader.
  ///
  /// - Parameter interval: how old the response that serves it may be.
  /// - Throws: ``SharedQueryError``, or `CancellationError`.
  func read(_ reader: Int, _ value: String, in range: Range<Date>, interval: Duration) async throws -> MetricReading {
    let missing = TimeSeries.missing(in: range, step: step)
    guard !missing.isEmpty else { return MetricReading(missing) }
    let grid = GridRange(missing)
    let begin = clock.now
    // Each pass waits for one request. More than three are needed only if others read far apart all the time.
    for _ in 0..<10 {
      try Task.checkCancellation()
      guard let answer = current(value, grid, at: begin, interval) else {
        let count = max(Self.leastTail, tail)
        try await ask(GridRange(first: grid.last - count + 1, count: count, step: step), interval)
        continue
      }
      if let pair = answer.duplicates[value] { throw duplicateError(value, pair) }
      let isPresent = answer.columns[value] != nil
      if answer.grid.first <= grid.first {
        guard isPresent else { throw absenceError(value, answer, since: answer.grid.first) }
        tail = max(tail, grid.count)
        return reading(reader, value, grid, answer, history: nil)
      }
      if let history = history(of: reader, grid, answer, isPresent: isPresent) {
        if let pair = history.duplicate { throw duplicateError(value, pair) }
        guard isPresent || history.column != nil else {
          throw absenceError(value, answer, since: history.grid.first)
        }
        return reading(reader, value, grid, answer, history: history)
      }
      if let end = end(ofHistory: reader, grid), grid.last - end <= Self.mostTail {
        // Reading the histories took longer than the response reaches back: a longer one joins the two.
        tail = max(tail, grid.last - end)
        try await ask(GridRange(first: end + 1, count: grid.last - end, step: step), interval)
        continue
      }
      // What is missing before a series vanished has been read; it is read again when the series comes back.
      if !isPresent, readUntil[reader] != nil { throw absenceError(value, answer, since: answer.grid.first) }
      if grid.count <= Self.mostTail {
        tail = max(tail, grid.count)
        try await ask(grid, interval)
      } else {
        try await askHistory(reader, grid, answer, interval)
      }
    }
    throw error("the response could not be shared: workloads read too far apart")
  }

  /// The last response, if it was sent in the interval of `now`, reaches the end of a range, and has kept a value's samples.
  private func current(_ value: String, _ grid: GridRange, at now: Date, _ interval: Duration) -> SharedAnswer? {
    guard let answer, answer.wanted.contains(value), answer.grid.last >= grid.last else { return nil }
    // A response from the future is left from before the clock was set back.
    let isRecent = answer.askedAt >= now.floored(to: interval) && answer.askedAt <= now + interval
    return isRecent ? answer : nil
  }

  /// The history that was read for a reader, if it and the last response cover the range.
  private func history(of reader: Int, _ grid: GridRange, _ answer: SharedAnswer, isPresent: Bool) -> SharedHistory? {
    guard let history = histories[reader], history.grid.first <= grid.first else { return nil }
    let isAdjacent = history.grid.last >= answer.grid.first - 1
    return isAdjacent || (history.column == nil && !isPresent) ? history : nil
  }

  /// The last instant of the history that was read for a reader, if it begins early enough.
  private func end(ofHistory reader: Int, _ grid: GridRange) -> Int? {
    histories[reader].flatMap { $0.grid.first <= grid.first ? $0.grid.last : nil }
  }

  private func reading(
    _ reader: Int, _ value: String, _ grid: GridRange, _ answer: SharedAnswer, history: SharedHistory?
  ) -> MetricReading {
    histories[reader] = nil
    if grid.count > Self.mostTail { wantedHistories[reader] = nil }
    var samples = Array(repeating: Double.nan, count: grid.count)
    func add(_ column: [Double]?, from first: Int) {
      guard let column else { return }
      for number in max(first, grid.first)..<max(first, grid.first, min(first + column.count, grid.last + 1))
      where column[number - first].isFinite {
        samples[number - grid.first] = column[number - first]
      }
    }
    if let history { add(history.column, from: history.grid.first) }
    add(answer.columns[value], from: answer.grid.first)
    let partial = [history?.partialFrom, answer.partialFrom].compactMap(\.self).min()
    let partialFrom = partial.flatMap { $0 <= grid.last ? max($0, grid.first) : nil }
    // An incomplete response is read again from its beginning.
    readUntil[reader] = partialFrom == nil ? grid.last : nil
    return MetricReading(
      TimeSeries(start: grid.instant(grid.first), step: step, values: samples),
      partialFrom: partialFrom.map(grid.instant))
  }

  // MARK: The newest samples

  /// Requests a range, or waits for the request under way.
  private func ask(_ range: GridRange, _ interval: Duration) async throws {
    if !isAsking {
      try answerFailure.check(at: clock.now)
      isAsking = true
      tail = 0
      let wanted = Set(readers.values.values)
      let expected = max(answer?.seriesCount ?? wanted.count, 1)
      let empty = SharedAnswer(range, of: wanted, askedAt: clock.now)
      Task {
        do {
          ended(.success(try await whole(empty, expected)), interval)
        } catch { ended(.failure(error), interval) }
      }
    }
    try await wait(isForHistory: false)
  }

  private func ended(_ result: Result<SharedAnswer, any Error>, _ interval: Duration) {
    isAsking = false
    switch result {
    case .success(let new):
      answer = new
      answerFailure.succeeded()
      forgetOld()
      answerWaiters.endAll(.success(()))
    case .failure(let problem):
      let error = shared(problem)
      answerFailure.note(error, at: clock.now, longest: interval)
      answerWaiters.endAll(.failure(error))
    }
  }

  private nonisolated func whole(
    _ empty: SharedAnswer, _ expectedSeries: Int
  ) async throws -> SharedAnswer {
    var answer = empty
    var offset = 0
    while offset < answer.grid.count {
      let points = min(PrometheusQuery.pointsPerQuery, max(1, Self.samplesPerRequest / expectedSeries))
      let range = answer.grid.part(from: offset, count: points)
      answer.add(try await columns(range, answer.wanted, expectedSeries), for: range)
      offset += range.count
    }
    return answer
  }

  private nonisolated func columns(
    _ range: GridRange, _ wanted: Set<String>, _ expectedSeries: Int
  ) async throws -> PrometheusColumns {
    let body = try await query.body(
      from: range.instant(range.first), points: range.count, step: range.step, expectedSeries: expectedSeries)
    let columns = try query.check(\.envelope) {
      try PrometheusColumns(body, label: label, grid: range) { wanted.contains($0) }
    }
    query.noteMissing(columns.notFiniteCount)
    return columns
  }

  /// Drops histories that were not read, and what belongs to readers that are gone.
  private func forgetOld() {
    let (now, values) = (clock.now, readers.values)
    histories = histories.filter { reader, history in
      let lifetime = history.column == nil ? Self.absenceLifetime : Self.historyLifetime
      return values[reader] != nil && now < history.readAt + lifetime
    }
    readUntil = readUntil.filter { values[$0.key] != nil }
    wantedHistories = wantedHistories.filter { values[$0.key] != nil }
  }

  // MARK: Histories

  /// A reader will read its history: the next request for histories includes it.
  func announceHistory(_ reader: Int, from start: Date) {
    let first = Int((start.timeIntervalSince1970 / step.inSeconds).rounded())
    wantedHistories[reader] = min(wantedHistories[reader] ?? first, first)
  }

  /// Requests a reader's history together with those of others that have none yet, or waits for the request under way.
  private func askHistory(
    _ reader: Int, _ grid: GridRange, _ answer: SharedAnswer, _ interval: Duration
  ) async throws {
    wantedHistories[reader] = min(wantedHistories[reader] ?? grid.first, grid.first)
    if !isBackfilling {
      try backfillFailure.check(at: clock.now)
      if backfill.map({ !$0.readers.contains(reader) || $0.answer.grid.first > grid.first || isOld($0) }) ?? true {
        backfill = newBackfill(upTo: answer)
      }
      isBackfilling = true
      Task { await readHistories(interval) }
    }
    try await wait(isForHistory: true)
  }

  private func isOld(_ backfill: Backfill) -> Bool { clock.now >= backfill.answer.askedAt + Self.historyLifetime }

  private func newBackfill(upTo answer: SharedAnswer) -> Backfill {
    let behind = readers.values.keys.filter { reader in
      wantedHistories[reader] != nil
        || (histories[reader] == nil && (readUntil[reader].map { $0 < answer.grid.first - 1 } ?? true))
    }
    let first = wantedHistories.values.min() ?? answer.grid.first
    wantedHistories = [:]
    let range = GridRange(first: first, count: answer.grid.last - first + 1, step: step)
    let values = readers.values
    let wanted = Set(behind.compactMap { values[$0] })
    return Backfill(answer: SharedAnswer(range, of: wanted, askedAt: clock.now), readers: Set(behind))
  }

  private func readHistories(_ interval: Duration) async {
    while let (range, wanted, expected) = nextPart() {
      do {
        let part = try await columns(range, wanted, expected)
        // In place: no other reference to the columns exists, or each part would copy them all.
        backfill?.answer.add(part, for: range)
        backfill?.offset += range.count
        backfill?.requests += 1
        backfill?.failures = 0
      } catch {
        // A server that answers, but not this, may have been asked for too much.
        partLimit = max(16, min(partLimit, range.count) / 2)
        let failure = shared(error)
        let failures = backfill?.failures ?? 0
        let isRepeated = !failure.cause.isOutage && failures < 4 && range.count > partLimit
        backfill?.failures = isRepeated ? failures + 1 : 0
        if isRepeated { continue }
        isBackfilling = false
        backfillFailure.note(failure, at: clock.now, longest: interval)
        return backfillWaiters.endAll(.failure(failure))
      }
    }
    finishBackfill()
  }

  /// The range to request next, the values to keep, and how many series to expect; nil when all have arrived or no reader is left.
  private func nextPart() -> (range: GridRange, wanted: Set<String>, expectedSeries: Int)? {
    guard let backfill, backfill.offset < backfill.answer.grid.count else { return nil }
    // All readers can be removed meanwhile.
    let values = readers.values
    guard backfill.readers.contains(where: { values[$0] != nil }) else { return nil }
    let wanted = backfill.answer.wanted
    let expected = max(answer?.seriesCount ?? 0, wanted.count)
    let points = min(partLimit, max(1, Self.samplesPerRequest / expected))
    return (backfill.answer.grid.part(from: backfill.offset, count: points), wanted, expected)
  }

  private func finishBackfill() {
    isBackfilling = false
    guard let done = backfill else { return backfillWaiters.endAll(.success(())) }
    backfill = nil
    backfillFailure.succeeded()
    partLimit = PrometheusQuery.pointsPerQuery
    let values = readers.values
    for reader in done.readers {
      guard let value = values[reader] else { continue }
      histories[reader] = SharedHistory(
        grid: done.answer.grid, column: done.answer.columns[value], duplicate: done.answer.duplicates[value],
        partialFrom: done.answer.partialFrom, readAt: clock.now)
    }
    query.logger.info(
      "history of a shared query read",
      [
        "query": query.text, "workloads": "\(done.readers.count)", "series": "\(done.answer.seriesCount)",
        "steps": "\(done.answer.grid.count)", "requests": "\(done.requests)",
      ])
    backfillWaiters.endAll(.success(()))
  }

  // MARK: Waiting

  private func wait(isForHistory: Bool) async throws {
    lastTask += 1
    let task = lastTask
    // A request that gets no response fails by itself before.
    let deadline = query.endpoint.deadline + .seconds(1)
    let timer = Task { [clock] in
      try await clock.sleep(for: deadline)
      expire(task, after: deadline)
    }
    defer { timer.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
        if isForHistory {
          backfillWaiters.add(task, continuation)
        } else {
          answerWaiters.add(task, continuation)
        }
      }
    } onCancel: {
      Task { await self.end(task, CancellationError()) }
    }
  }

  private func end(_ task: Int, _ error: any Error) {
    answerWaiters.end(task, error)
    backfillWaiters.end(task, error)
  }

  private func expire(_ task: Int, after deadline: Duration) {
    let time = DurationText.format(deadline)
    guard let backfill, backfillWaiters.contains(task) else {
      return end(task, error("no response within \(time)", isOutage: true))
    }
    let share = 100 * backfill.offset / max(1, backfill.answer.grid.count)
    end(task, error("the history has not been read within \(time); \(share) % has arrived, and reading continues"))
  }

  // MARK: Errors

  private func error(_ problem: String, isOutage: Bool = false) -> SharedQueryError {
    SharedQueryError(
      SourceError(asked: query.asked, of: query.endpoint.displayName, problem: problem, isOutage: isOutage))
  }

  /// A failed request's error, as all readers receive it.
  private func shared(_ problem: any Error) -> SharedQueryError {
    (problem as? SourceError).map { SharedQueryError($0) } ?? error("\(problem)")
  }

  private func absenceError(_ value: String, _ answer: SharedAnswer, since first: Int) -> SharedQueryError {
    let since = Timestamp.format(answer.grid.instant(first))
    return SharedQueryError(
      query.failure("no series with \(label)=\"\(value)\" since \(since): \(answer.summary(of: label))"),
      concernsOneReader: true)
  }

  private func duplicateError(_ value: String, _ pair: String) -> SharedQueryError {
    SharedQueryError(
      query.failure(
        "expected one series with \(label)=\"\(value)\", got several, such as \(pair); aggregate them, for instance sum by (\(label)) (…)"
      ), concernsOneReader: true)
  }
}

import FoundationEssentials
import KedastralCore
import KedastralEvaluation
import KedastralModels
import KedastralNet

@testable import KedastralDaemon
@testable import KedastralRedisStore
@testable import KedastralSources

/// What a Redis server answers, in two pieces, and what is made of each reply.
func fuzzRedis(_ bytes: [UInt8]) {
  guard let reader = RESPReader(maximumBytes: 1 << 16), let first = bytes.first else { return }
  let body = bytes.dropFirst()
  let cut = body.count * Int(first) / 256
  for piece in [Array(body.prefix(cut)), Array(body.dropFirst(cut))] {
    let isFed = piece.withUnsafeBytes { bytes in (try? reader.feed(bytes)) != nil }
    guard isFed else { return }
    while let reply = try? reader.next() { take(reply) }
  }
}

/// Whatever a reply may be read as.
private func take(_ reply: RESPValue) {
  let source = RemoteAddress.network(host: "10.0.0.1", port: 6379)
  _ = reply.summary
  _ = ReplyVerdict(reply, from: source)
  _ = SlotMap(reply, from: source)
  _ = SentinelAnswer(reply, master: "m")
  _ = PutScript.Outcome(reply)
  _ = MembershipState.Reply(reply)
  guard case .bytes(let value) = StoredValue(reply, RedisConfiguration(server: source)),
    let workload = try? WorkloadName("api")
  else { return }
  _ = UpdateMessage(value)
  for key in ["kedastral:api", RedisConfiguration.referencePrefix + "api"] {
    if let snapshot = try? StoredValue.snapshot(value, key: key, workload: workload) { check(snapshot) }
  }
}

/// Answers of Prometheus to queries of one workload and of many, of other services in JSON, of `byom` models, and expositions.
func fuzzPrometheus(_ bytes: [UInt8]) {
  guard let kind = bytes.first else { return }
  let body = Array(bytes.dropFirst())
  let start = Date(timeIntervalSince1970: 1_800_000_000)
  switch kind % 5 {
  case 0:
    _ = try? PrometheusAnswer(body)
  case 1:
    let parts = body.split(separator: 0x0A, maxSplits: 1)
    guard parts.count == 2, let path = try? JSONPath(String(decoding: parts[0], as: UTF8.self)),
      let value = try? JSONValue(Array(parts[1]))
    else { return }
    for found in path.values(in: value) ?? [] {
      _ = found.number
      _ = found.text.flatMap { Timestamp.parse($0) }
    }
  case 2:
    guard let selector = try? ScrapeSelector("http_requests_total{code=\"200\"}") else { return }
    _ = try? Exposition(body, selector: selector)
    _ = try? ScrapeSelector(String(decoding: body, as: UTF8.self))
  case 4:
    let grid = GridRange(TimeSeries.missing(in: start..<start.addingTimeInterval(600), step: .seconds(60)))
    guard let answer = try? PrometheusColumns(body, label: "app", grid: grid, isWanted: { $0 != "other" }) else {
      return
    }
    demand(answer.columns.count <= answer.seriesCount, "more columns than series")
    demand(answer.columns["other"] == nil, "a column that is not wanted")
    for column in answer.columns.values {
      demand(column.count == grid.count, "a column of \(column.count) samples")
      demand(column.allSatisfy { !$0.isInfinite }, "an infinite sample")
    }
    var shared = SharedAnswer(grid, of: Set(answer.columns.keys), askedAt: start)
    shared.add(answer, for: grid)
    demand(!shared.summary(of: "app").isEmpty, "an empty summary")
  default:
    let answer = try? RemoteModelMessage.answer(body, steps: 3)
    demand(answer?.values.allSatisfy(\.isFinite) ?? true, "a model's answer that is not finite")
  }
}

/// Configuration files of each host.
func fuzzYAML(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  let loader = ConfigurationLoader(knownModels: ["auto", "sarima"], environment: ["NAME": "value"]) { _ in text }
  func note(_ load: () throws -> Void) {
    do {
      try load()
    } catch let error as ConfigurationError {
      demand(!error.problems.isEmpty, "a refusal without a reason")
      for problem in error.problems { demand(!problem.description.isEmpty, "an empty reason") }
    } catch {
      demand(false, "an error of another kind: \(error)")
    }
  }
  note { _ = try loader.forecaster(arguments: ["-config=k.yaml"]) }
  note { _ = try loader.scaler(arguments: ["-config=k.yaml"]) }
}

/// Trace files, and the M4 long format.
func fuzzCSV(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  if let trace = try? TraceFile(text: text, name: "t.csv") {
    demand(trace.series.step > .zero, "a step of \(trace.series.step)")
    demand(trace.series.values.allSatisfy { !$0.isInfinite }, "an infinite sample")
    _ = trace.series.end
  }
  _ = try? TraceText.splitSeries(text)
}

/// Snapshots as stores keep them.
func fuzzSnapshot(_ bytes: [UInt8]) {
  guard let snapshot = try? Snapshot(json: Data(bytes)) else { return }
  check(snapshot)
}

/// Parts of a stored history, and the samples in them: what was read can be written and read again.
func fuzzHistory(_ bytes: [UInt8]) {
  for kind in StoredBlock.Kind.allCases { _ = try? StoredBlock(Data(bytes), as: kind) }
  var session = AutoModel().makeSession() as? any FittedSession
  _ = session?.restore(fit: bytes)
  guard let series = SeriesCodec.decode(bytes) else { return }
  demand(series.values.allSatisfy { !$0.isInfinite }, "an infinite sample")
  guard let again = SeriesCodec.decode(SeriesCodec.encode(series)) else {
    return demand(false, "samples that were read cannot be written and read")
  }
  demand(again.count == series.count && again.start == series.start, "another grid")
  for (left, right) in zip(series.values, again.values) where left.isNormal {
    demand(abs(left - right) <= 0.000_25 * abs(left), "\(left) becomes \(right)")
  }
}

/// What was read serves every question, and reads the same when it is written.
private func check(_ snapshot: Snapshot) {
  for offset in [-1e9, 0, 60, 1e9] {
    let now = snapshot.generatedAt.addingTimeInterval(offset)
    for mode in ScalingQuestion.Mode.allCases {
      for selection in ScalingQuestion.Selection.allCases {
        let question = ScalingQuestion(leadTime: .seconds(300), mode: mode, selection: selection)
        guard let answer = snapshot.answer(question, at: now) else { continue }
        demand(answer.value.isFinite && answer.value >= 0, "an answer of \(answer.value)")
      }
    }
  }
  do {
    let again = try Snapshot(json: try snapshot.json())
    demand(again.desiredReplicas == snapshot.desiredReplicas, "replicas change when they are written and read")
  } catch {
    demand(false, "a snapshot that was read cannot be written and read: \(error)")
  }
}

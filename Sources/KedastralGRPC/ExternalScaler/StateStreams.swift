import KedastralCore

/// The open state streams, by workload: each receives a state once, and then only changes.
struct StateStreams {
  /// Which state a stream tells.
  enum Kind {
    /// StreamIsActive.
    case activity
    /// StreamMetricSpec.
    case specification
  }

  /// Finds out the state that a stream should tell now.
  typealias Evaluate = (Kind, Trigger) throws(GRPCStatus) -> ScalerState

  private struct Stream {
    let kind: Kind
    let trigger: Trigger
    let call: GRPCCall
    var told: ScalerState?
  }

  private var byWorkload: [String: [Int: Stream]] = [:]
  private var nextIdentifier = 0
  private let gauge: Metric

  init(gauge: Metric) { self.gauge = gauge }

  /// Adds a stream and returns the number to remove it by.
  mutating func add(_ kind: Kind, _ trigger: Trigger, _ call: GRPCCall) -> Int {
    nextIdentifier += 1
    byWorkload[trigger.workload, default: [:]][nextIdentifier] = Stream(kind: kind, trigger: trigger, call: call)
    gauge.increment()
    return nextIdentifier
  }

  /// Forgets a stream that has ended.
  mutating func remove(_ identifier: Int, of workload: String) {
    guard byWorkload[workload]?.removeValue(forKey: identifier) != nil else { return }
    if byWorkload[workload]?.isEmpty == true { byWorkload[workload] = nil }
    gauge.increment(by: -1)
  }

  /// Tells a stream a state.
  mutating func tell(_ state: ScalerState, to identifier: Int, of workload: String) {
    byWorkload[workload]?[identifier]?.told = state
    byWorkload[workload]?[identifier]?.call.send { state.append(to: &$0) }
  }

  /// Tells the streams of one workload what has changed.
  mutating func refresh(_ workload: String, _ evaluate: Evaluate) {
    guard let streams = byWorkload[workload] else { return }
    for (identifier, stream) in streams { refresh(stream, identifier, evaluate) }
  }

  /// Tells all streams what has changed.
  mutating func refreshAll(_ evaluate: Evaluate) {
    for streams in byWorkload.values {
      for (identifier, stream) in streams { refresh(stream, identifier, evaluate) }
    }
  }

  private mutating func refresh(_ stream: Stream, _ identifier: Int, _ evaluate: Evaluate) {
    // A client that reads slowly gets the newest state when it has read the last one, not all those in between.
    guard stream.call.pendingOutput == 0 else { return }
    do throws(GRPCStatus) {
      let state = try evaluate(stream.kind, stream.trigger)
      if state != stream.told { tell(state, to: identifier, of: stream.trigger.workload) }
    } catch {
      stream.call.finish(error)
    }
  }
}

/// What a state stream tells, and what the unary method of the same kind answers.
enum ScalerState: Equatable {
  /// Whether the workload is active.
  case active(Bool)
  /// The metric and its target.
  case metric(name: String, target: Double)

  /// Appends the encoded response.
  func append(to output: inout [UInt8]) {
    switch self {
    case .active(let isActive): ExternalScalerCodec.append(isActive: isActive, to: &output)
    case .metric(let name, let target): ExternalScalerCodec.append(metric: name, target: target, to: &output)
    }
  }
}

import KedastralCore

/// The settings of one trigger of a ScaledObject, read from its metadata.
///
/// | key | values | default |
/// |---|---|---|
/// | `workload` | a workload's name | the ScaledObject's name |
/// | `metricName` | any text | `kedastral-<workload>` |
/// | `leadTime` | a duration, such as `5m`, or `auto` for the default | the plan's, or the host's |
/// | `mode` | `replicas`, `load` | `replicas` |
/// | `select` | `max`, `at-lead` | `max` |
/// | `activationThreshold` | a load | the policy's; without one, active while the plan is fresh |
/// | `headroom`, `workloads`, `placeholder` | the question for placeholder pods instead of a workload's own | none |
struct Trigger: Equatable {
  /// The workload; any text, since an unknown one is found out by looking it up.
  var workload: String
  /// The metric's name, when the metadata give one.
  var metricName: String?
  /// How far ahead, in which unit; the lead time is the host's when the metadata give none.
  var question: ScalingQuestion
  /// Whether the metadata give the lead time.
  var setsLeadTime = false
  /// The load above which the workload is active; nil for the policy's.
  var activationThreshold: Double?
  /// The question for placeholder pods, which takes the place of the workload's own plan.
  var headroom: HeadroomQuestion?

  /// Reads a trigger.
  ///
  /// - Throws: INVALID_ARGUMENT naming the key, its value and what would be right.
  init(
    _ reference: ScaledObjectReference, defaultLeadTime: Duration, leadTimes: inout LeadTimes
  ) throws(GRPCStatus) {
    let metadata = reference.metadata
    workload = metadata["workload"] ?? reference.name
    metricName = metadata["metricName"]
    question = ScalingQuestion(leadTime: defaultLeadTime)
    if let text = metadata["leadTime"], text != "auto" {
      (question.leadTime, setsLeadTime) = (try leadTimes.read(text), true)
    }
    headroom = try HeadroomQuestion(metadata)
    if let text = metadata["mode"] { question.mode = try Self.choice(text, of: "mode") }
    if let text = metadata["select"] { question.selection = try Self.choice(text, of: "select") }
    if let text = metadata["activationThreshold"] {
      guard let threshold = Double(text), threshold >= 0, threshold.isFinite else {
        throw Self.invalid("activationThreshold", text, "a load of 0 or more, such as 10 or 0.5")
      }
      activationThreshold = threshold
    }
  }

  /// The question to a plan: its own lead time counts when the metadata give none.
  func question(to snapshot: Snapshot) -> ScalingQuestion {
    var question = question
    if !setsLeadTime { question.leadTime = snapshot.leadTime(orElse: question.leadTime) }
    return question
  }

  /// The value of one pod: more than 1 where pods are fractional, since KEDA up to 2.16 reads only whole numbers.
  var scale: Double { question.mode == .load ? 1000 : 1 }

  /// The metric's name.
  var effectiveMetricName: String { metricName ?? "kedastral-\(workload)" }

  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ text: String, of key: String
  ) throws(GRPCStatus) -> Choice where Choice.RawValue == String {
    if let choice = Choice(rawValue: text) { return choice }
    throw invalid(key, text, Choice.allCases.map { $0.rawValue }.joined(separator: " or "))
  }

  static func invalid(_ key: String, _ value: String, _ right: String) -> GRPCStatus {
    GRPCStatus(.invalidArgument, "metadata \(key) is '\(value.prefix(60))'; write \(right)")
  }
}

/// Reads lead times, and remembers those it has read: every poll repeats the same few texts.
struct LeadTimes {
  private var known: [String: Duration] = [:]

  /// The duration in `text`.
  mutating func read(_ text: String) throws(GRPCStatus) -> Duration {
    if let present = known[text] { return present }
    guard let leadTime = try? DurationText.parse(text), leadTime >= .zero else {
      throw Trigger.invalid("leadTime", text, "auto, or a duration such as 90s, 5m or 1h30m")
    }
    if known.count >= 1000 { known.removeAll() }
    known[text] = leadTime
    return leadTime
  }
}

/// The defaults for a trigger's metadata.
package struct ScalerDefaults: Sendable, Equatable {
  /// How long before the load the pods are requested.
  package var leadTime: Duration
  /// The age at which a plan counts as stale: the workload is inactive and GetMetrics fails, so that KEDA's fallback takes over.
  package var staleAfter: Duration

  /// Creates defaults.
  package init(leadTime: Duration = .seconds(300), staleAfter: Duration = .seconds(120)) {
    self.leadTime = leadTime
    self.staleAfter = staleAfter
  }
}

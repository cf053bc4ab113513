import KedastralCore
import KedastralEvaluation

/// What a replay says about Kedastral's policy, compared with an HPA.
struct ReplayVerdict: Equatable {
  let startup: Duration
  /// The name of the policy that is compared.
  let policy: String
  /// The value of hpa's parameter.
  let knob: String
  /// The policy's pod-hours, divided by hpa's; NaN when hpa's are 0.
  let podHours: Double
  /// The policy's violation minutes less hpa's.
  let minutes: Double
  /// The policy's violation minutes at hpa's pod-hours, divided by hpa's; nil when they are unknown.
  var ratio: Double?
  /// Whether the policy was replayed with other settings, so that the ratio is nil only where none has so few pod-hours.
  var isSwept = false

  /// The verdicts of one load: for each startup time, each policy of Kedastral's with its given settings.
  static func all(_ outcomes: [Replay.Outcome]) -> [ReplayVerdict] {
    let comparisons = FrontierComparison.all(outcomes)
    var seen: Set<String> = []
    return outcomes.compactMap { outcome in
      // The given settings come first.
      guard outcome.policy.hasPrefix("kedastral"), seen.insert("\(outcome.policy) \(outcome.startup)").inserted,
        let hpa = outcomes.first(where: { $0.policy == "hpa" && $0.startup == outcome.startup })
      else { return nil }
      let comparison = comparisons.first {
        $0.startup == outcome.startup && $0.policy == outcome.policy && $0.knob == hpa.knob
      }
      return ReplayVerdict(
        startup: outcome.startup, policy: outcome.policy, knob: hpa.knob,
        podHours: hpa.figures.podHours > 0 ? outcome.figures.podHours / hpa.figures.podHours : .nan,
        minutes: outcome.figures.violationMinutes - hpa.figures.violationMinutes, ratio: comparison?.ratio,
        isSwept: comparison != nil)
    }
  }

  /// One sentence: `20 % fewer pod-hours, 26 min more short of pods; at equal pod-hours 64 % fewer minutes short.`
  var text: String {
    "\(policy) against hpa at \(knob), startup \(DurationText.format(startup)): "
      + "\(podHoursText), \(minutesText)\(equalText)."
  }

  private var podHoursText: String {
    podHours.isFinite ? Self.change(podHours, "pod-hours") : "no pod-hours to compare with"
  }

  private var minutesText: String {
    let rounded = Int(minutes.magnitude.rounded())
    if rounded == 0 { return "as many minutes short of pods" }
    return "\(rounded) min \(minutes > 0 ? "more" : "fewer") short of pods"
  }

  private var equalText: String {
    guard isSwept else { return "" }
    guard let ratio else { return "; no shortage cost leads to as few pod-hours as hpa has" }
    return "; at equal pod-hours \(Self.change(ratio, "minutes short"))"
  }

  /// `20 % fewer pod-hours`.
  private static func change(_ ratio: Double, _ unit: String) -> String {
    let percent = Int(((ratio - 1).magnitude * 100).rounded())
    return percent == 0 ? "as many \(unit)" : "\(percent) % \(ratio < 1 ? "fewer" : "more") \(unit)"
  }
}

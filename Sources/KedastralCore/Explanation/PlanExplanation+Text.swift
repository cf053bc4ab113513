#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension PlanExplanation {
  /// The explanation as text, one sentence per line.
  package var text: String {
    var lines = [
      "\(workload): \(replicas) \(pods(replicas)) now, to be ready for the next \(duration(forecastOnlySeconds ?? leadTimeSeconds))."
    ]
    if let startup { lines.append("\(startup.sentence(of: workload)).") }
    if let required, required > replicas { lines.append("Capped at \(replicas): the load needs \(required).") }
    if isDryRun { lines.append("This is a dry run: the plan is not served.") }
    if let problem {
      let since = problemSince.map { " since \(Timestamp.clock($0, at: now))" } ?? ""
      lines.append("Failing\(since): \(problem).")
    }
    if let bridgedUntil {
      let served = bridgedUntil < now ? "was served" : "is served"
      lines.append(
        "Bridged: \(absence); the plan is based on the forecast and \(served) until \(Timestamp.clock(bridgedUntil, at: now))."
      )
    }
    lines.append(
      "Load (\(metric)): \(currentLoad.map { "\(number($0)) now" } ?? absence), \(number(forecastAtLead)) forecast in "
        + "\(duration(forecastOnlySeconds ?? leadTimeSeconds)).")
    if let forecastOnlySeconds {
      lines.append(
        "The forecast covers only \(duration(forecastOnlySeconds)), less than the lead time of \(duration(leadTimeSeconds))."
      )
    }
    lines.append(
      "The step from \(Timestamp.format(stepBegins)) to \(Timestamp.format(stepEnds)) determines the plan: \(planned).")
    let clamps = clamps ?? []
    let last = clamps.last { Self.limits.contains($0) }
    lines += clamps.map { sentence($0, isLast: $0 == last) }
    if let ahead = shortfallAhead, ahead.required > required ?? 0 {
      lines.append(
        "From \(Timestamp.clock(ahead.at, at: now)) the load needs up to \(ahead.required) \(pods(ahead.required)); limits keep the "
          + "plan at \(ahead.planned).")
    }
    let ahead = recentErrorAheadSeconds.map { " \(duration($0)) ahead" } ?? ""
    let error =
      recentError.map { "forecasts\(ahead) are typically off by \(percent($0))" }
      ?? "its forecast error is not yet known"
    lines.append("Model \(model ?? "unknown"); \(error).")
    lines.append(
      "The plan is \(duration(ageSeconds.magnitude)) \(ageSeconds < -1 ? "ahead of this clock" : "old")"
        + (isStale == true ? ": it is not served." : ".")
        + (nextChange.map { " Next change: \($0.replicas) \(pods($0.replicas)) at \(Timestamp.format($0.at))." }
          ?? " No change is planned."))
    if let reason { lines.append("Details: \(reason).") }
    return lines.joined(separator: "\n")
  }

  /// The text that replaces the current load when it was not measured: `no sample since 14:05 UTC`.
  package var absence: String {
    newestSampleAt.map { "no sample since \(Timestamp.clock($0, at: now))" } ?? "no sample"
  }

  /// The steps from the forecast to the required replicas.
  private var planned: String {
    var words = "\(number(forecast)) forecast"
    if let plannedLoad {
      words += ", planned for \(number(plannedLoad))"
      if clamps?.contains(where: { [.reactiveFloor, .accuracyGate].contains($0) }) == true {
        words += " (from the current load)"
      } else if clamps?.contains(.scheduledMinimum) == true {
        words += " (a schedule's)"
      } else if let quantile {
        words += " (quantile \(number(quantile)))"
      } else if let shortageCost {
        words += " (a minute with too few pods costs \(number(shortageCost)) pod-minutes)"
      } else if let objective {
        words += " (\(self.objective(objective)))"
      } else if let headroom {
        words += " (headroom × \(number(headroom)))"
      }
    }
    if let need { words += ", which needs \(need) \(pods(need))" }
    if let targetPerPod { words += " at \(number(targetPerPod)) per pod" }
    return words
  }

  /// The objective and what became of it: `99.9 % asked, 99.83 % reached in the last 7 days; margin widened to the 0.9996 quantile`.
  private func objective(_ share: Double) -> String {
    let reached = objectiveReached.map { reached in
      ", \(hundredths(reached)) reached in the last \(ObjectiveTracker.shownDays) days"
    }
    let width = objectiveWidth.map { width -> String in
      if abs(width - 1) < 0.05 { return "; the margin is that of the forecast" }
      let chance = ObjectiveMargin.chance(width: width, objective: share)
      return "; margin \(width > 1 ? "widened" : "narrowed") to the \(level(exceededWith: chance)) quantile"
    }
    return "objective: \(hundredths(share)) asked\(reached ?? "")\(width ?? "")"
  }

  /// The level of a quantile with as many digits as tell it from 1: `0.9996`.
  private func level(exceededWith chance: Double) -> String {
    let digits = min(max(2, (-naturalLogarithm(chance) / naturalLogarithm(10)).rounded(.up)), 9)
    let unit = power(10, digits)
    return "\(((1 - chance) * unit).rounded() / unit)"
  }

  /// A share in per cent with at most two decimals, never rounded up to all.
  private func hundredths(_ share: Double) -> String {
    let rounded = (share * 10_000 + 1e-7).rounded(.down) / 100
    return "\(rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)") %"
  }

  /// The adjustments that set the number of replicas.
  private static let limits: Set<CapacityPlan.Adjustment> = [
    .minimum, .maximum, .growth, .shrinkage, .scheduledMinimum, .scheduledMaximum,
  ]

  /// - Parameter isLast: whether it is the last limit, whose result is the number of replicas.
  private func sentence(_ adjustment: CapacityPlan.Adjustment, isLast: Bool) -> String {
    let to = isLast ? " to \(replicas)" : ""
    return switch adjustment {
    case .minimum: "The minimum raised the replicas\(to)."
    case .maximum: "The maximum reduced the replicas\(to)."
    case .growth: "The growth limit per step reduced the replicas\(to)."
    case .shrinkage: "The shrinkage limit per step kept the replicas\(isLast ? " at \(replicas)" : " higher")."
    case .reactiveFloor: "The current load is above the forecast and was used instead."
    case .scheduledMinimum: "A schedule's minimum raised the replicas\(to)."
    case .scheduledMaximum: "A schedule's maximum reduced the replicas\(to)."
    case .prewarm: "A higher load of the following steps was used (prewarm)."
    case .accuracyGate: "The recent forecast error was too large, so the current load was used instead of the forecast."
    }
  }

  private func pods(_ count: Int) -> String { count == 1 ? "replica" : "replicas" }

  private func duration(_ seconds: Double) -> String { DurationText.format(.seconds(seconds.rounded())) }

  private func percent(_ share: Double) -> String { "\(number(share * 100)) %" }

  /// A number with three digits, or as a whole number.
  private func number(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
    var scale = 1.0
    while value.magnitude * scale < 100, scale < 1000, (value * scale).rounded() != value * scale { scale *= 10 }
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }
}

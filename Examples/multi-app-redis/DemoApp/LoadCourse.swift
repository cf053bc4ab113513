import FoundationEssentials
import KedastralCore
import KedastralTesting

/// A course of load on a clock of its own, which may run faster than the real one.
struct LoadCourse: Sendable {
  /// The names that PATTERN takes.
  static let patternNames = "hourly-spike, business-hours, sine-wave, double-peak, constant"

  /// Requests per second as a function of the course's time.
  let pattern: LoadPattern
  /// How many seconds of the course pass in one real second.
  let speed: Double
  /// The real moment at which the course's clock shows `start`.
  let origin: Date
  private let start: Date

  init(_ environment: Environment, now: Date) throws {
    let base = try environment.number("BASE_RPS", default: 50, in: 0...100_000)
    let peak = try environment.number("PEAK_RPS", default: 500, in: 0...100_000)
    let name = try environment.text("PATTERN")
    switch name {
    case "hourly-spike": pattern = .hourlySpike(base: base, peak: peak)
    case "business-hours": pattern = .businessHours(base: base, peak: peak)
    case "sine-wave":
      pattern = .sineWave(base: base, peak: peak, period: try environment.duration("PERIOD", default: "1h"))
    case "double-peak": pattern = .doublePeak(base: base, peak: peak)
    case "constant": pattern = .constant(base)
    default:
      throw Environment.Problem(description: "PATTERN is '\(name)'; write one of \(Self.patternNames)")
    }
    speed = try environment.number("SPEED", default: 1, in: 0.01...3600)
    origin = try environment.instant("CLOCK_ORIGIN", default: now)
    start = try environment.instant("CLOCK_START", default: origin)
  }

  /// What the course's clock shows at a real moment.
  func time(at instant: Date) -> Date { start.addingTimeInterval(instant.timeIntervalSince(origin) * speed) }

  /// Requests a (real) second at a real moment.
  func rate(at instant: Date) -> Double { pattern.load(at: time(at: instant)) }
}

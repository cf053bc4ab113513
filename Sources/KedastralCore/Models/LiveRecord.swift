#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How a session's forecasts fared against what came, beside those of the same time yesterday, both forgotten slowly.
struct LiveRecord {
  private struct Claim {
    var start: Date
    var step: Double
    var values: [Double]
    var upper: [Double]
    var settled = 0
  }

  private var claims: [Claim] = []
  private var learnedError = 0.0
  private var naiveError = 0.0
  private var covered = 0.0
  private var weight = 0.0
  private(set) var isBeaten = false

  private static let claimLimit = 6
  /// How many settled steps it takes to judge.
  private static let enough = 120.0
  /// Over about how many settled steps errors are averaged.
  private static let memory = 720.0

  /// Keeps a forecast to be judged, when the last one kept is a sixth of a horizon old.
  mutating func note(_ history: TimeSeries, values: [Double], upper: [Double]) {
    let step = history.step.inSeconds
    let spacing = Double(max(1, values.count / Self.claimLimit)) * step
    if let last = claims.last, history.end.timeIntervalSince(last.start) < spacing { return }
    claims.append(Claim(start: history.end, step: step, values: values, upper: upper))
    if claims.count > Self.claimLimit + 1 { claims.removeFirst() }
  }

  /// Judges the forecasts kept by the loads that have come since.
  mutating func settle(_ history: TimeSeries) {
    let step = history.step.inSeconds
    let day = Int(86_400 / step)
    claims.removeAll { $0.step != step || $0.settled >= $0.values.count }
    for index in claims.indices {
      let origin = history.index(nearest: claims[index].start)
      while claims[index].settled < claims[index].values.count {
        let horizon = claims[index].settled
        let place = origin + horizon + 1
        guard place < history.count else { break }
        claims[index].settled += 1
        guard place >= 0, history.values[place].isFinite else { continue }
        let seasonal = place - day >= 0 ? history.values[place - day] : .nan
        let naive = seasonal.isFinite ? seasonal : origin >= 0 ? history.values[origin] : .nan
        guard naive.isFinite else { continue }
        let keep = 1 - 1 / Self.memory
        learnedError = learnedError * keep + abs(history.values[place] - claims[index].values[horizon])
        naiveError = naiveError * keep + abs(history.values[place] - naive)
        covered = covered * keep + (history.values[place] <= claims[index].upper[horizon] ? 1 : 0)
        weight = weight * keep + 1
      }
    }
    guard weight >= Self.enough else { return }
    isBeaten = isBeaten ? learnedError > naiveError : learnedError > 1.2 * naiveError
  }

  /// The error relative to the naive forecast's, in words.
  var summary: String {
    let ratio = learnedError / max(naiveError, .leastNormalMagnitude)
    return "error \(Int((min(ratio, 1e6) * 100).rounded())) % of repeating yesterday's"
  }

  /// What to add to a forecast's reason; empty until enough has been judged.
  var note: String {
    guard weight >= Self.enough else { return "" }
    return "; of late \(summary), 0.9 quantile held \(Int((covered / weight * 100).rounded())) % of the time"
  }
}

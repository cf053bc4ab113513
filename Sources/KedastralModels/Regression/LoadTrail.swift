import KedastralCore

/// The last samples of a load in units of the fit, without gaps, looked up by step number.
///
/// A session receives the whole history with each request for a forecast, so it keeps no copy of it: only the samples that have left the
/// history's window, or will soon, and the replacements of missing ones. The others are read from the history, which is lent for the
/// time of a forecast.
struct LoadTrail: Sendable {
  /// How many samples at the start of the history are kept at least, so that they are known when they leave it.
  static let leastMargin = 2 * PackedSamples.blockLength
  /// The largest share of missing samples with which the others are read from the history.
  private static let mostMissing = 1.0 / 32

  /// The number of steps that can be looked up.
  let capacity: Int
  /// The number of the next step.
  private(set) var endIndex = 0
  /// All samples, or the first ones where the others are read from the history.
  private var own: Trail
  /// The units that the history is read in; nil while all samples are kept.
  private var units: LoadUnits?
  /// The replacements of missing samples in the part that is read from the history, by step.
  private var replaced: [Int: Float] = [:]
  /// The history while it is lent, and the step of its first sample.
  private var lent: [Double] = []
  private var lentStart = 0

  /// A trail without samples that keeps all that are appended.
  init(capacity: Int) {
    self.capacity = max(1, capacity)
    own = Trail(capacity: capacity)
  }

  /// The number of the first step that can be looked up.
  var startIndex: Int { max(own.startIndex, endIndex - capacity) }

  /// The sample at a step from `startIndex` on.
  subscript(step: Int) -> Double {
    guard step >= own.endIndex, let units else { return own[step] }
    let sample = lent[step - lentStart]
    return sample.isFinite ? Double(Trail.kept(units.relative(sample))) : Double(replaced[step] ?? 0)
  }

  /// The sample at the last step; nil before the first.
  var last: Double? { endIndex == startIndex ? nil : self[endIndex - 1] }

  /// Appends a sample: the history's, where it is lent, or the replacement of a missing one.
  mutating func append(_ sample: Double) {
    if units == nil {
      own.append(sample)
    } else if !lent[endIndex - lentStart].isFinite {
      replaced[endIndex] = Trail.kept(sample)
    }
    endIndex += 1
  }

  /// Removes the last samples again.
  mutating func rewind(to endIndex: Int) {
    if units == nil { own.rewind(to: endIndex) }
    for step in endIndex..<max(endIndex, self.endIndex) where !replaced.isEmpty { replaced[step] = nil }
    self.endIndex = endIndex
  }

  // MARK: The history

  /// Whether so many samples are missing that all should be kept.
  var isSparse: Bool { Double(replaced.count) > Self.mostMissing * Double(capacity) }

  /// Lends the history, whose first sample is that of step `start`.
  ///
  /// - Returns: false when it lacks samples that are not kept.
  mutating func lend(_ history: [Double], from start: Int) -> Bool {
    guard units != nil else { return true }
    guard start <= own.endIndex, start + history.count >= endIndex else { return false }
    (lent, lentStart) = (history, start)
    return true
  }

  /// Keeps what the history will soon lack, and gives it back.
  ///
  /// - Parameter margin: by how many samples the window may move until the next history.
  mutating func giveBack(margin: Int = leastMargin) {
    guard units != nil, !lent.isEmpty else { return }
    keep(upTo: lentStart + margin)
    lent = []
  }

  /// Reads the samples from a history in future.
  ///
  /// - Parameters:
  ///   - history: the load, whose first sample is that of step 0.
  ///   - start: the step at which the histories begin that will be lent.
  mutating func share(_ history: [Double], from start: Int, units: LoadUnits) {
    guard self.units == nil, history.count >= endIndex else { return }
    let first = min(endIndex, max(startIndex, start + Self.leastMargin))
    var missing: [Int: Float] = [:]
    for step in first..<endIndex where !history[step].isFinite { missing[step] = Trail.kept(own[step]) }
    guard Double(missing.count) <= Self.mostMissing * Double(capacity) else { return }
    var kept = Trail(capacity: capacity, startIndex: min(startIndex, first))
    for step in kept.endIndex..<first { kept.append(own[step]) }
    kept.pack()
    (own, replaced, self.units) = (kept, missing, units)
    (lent, lentStart) = (history, 0)
  }

  private mutating func keep(upTo end: Int) {
    while own.endIndex < min(end, endIndex) { own.append(self[own.endIndex]) }
    own.pack(from: endIndex - capacity)
    guard !replaced.isEmpty else { return }
    replaced = replaced.filter { $0.key >= own.endIndex }
  }

  /// Packs what is kept.
  mutating func pack() {
    if units == nil { own.pack() }
  }

  /// The same samples with another capacity.
  func resized(to capacity: Int) -> LoadTrail {
    var resized = LoadTrail(capacity: capacity)
    (resized.own, resized.endIndex) = (own.resized(to: capacity), endIndex)
    return resized
  }
}

/// Numbers that are looked up by step.
protocol StepNumbers {
  /// The number of the first step.
  var startIndex: Int { get }
  /// The sum of the numbers at a range of steps.
  func sum(_ steps: Range<Int>) -> Double
}

extension Trail: StepNumbers {}

extension LoadTrail: StepNumbers {
  func sum(_ steps: Range<Int>) -> Double {
    guard let units else { return own.sum(steps) }
    let border = min(max(own.endIndex, steps.lowerBound), steps.upperBound)
    let first = steps.lowerBound < border ? own.sum(steps.lowerBound..<border) : 0
    guard border < steps.upperBound else { return first }
    var sum = 0.0
    for sample in lent[(border - lentStart)..<(steps.upperBound - lentStart)] { sum += sample }
    let rest = Double(steps.upperBound - border) * units.relative(0)
    guard (sum / units.scale).magnitude < 1e30 else {
      return (border..<steps.upperBound).reduce(first) { $0 + self[$1] }
    }
    return first + sum / units.scale + rest
  }
}

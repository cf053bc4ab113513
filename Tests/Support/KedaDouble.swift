/// A double of KEDA and of the HorizontalPodAutoscaler (HPA) that it makes of one ScaledObject: the rules by which both act on
/// what the triggers answer, without a clock, a network or a cluster.
///
/// It is a value: events go in, actions come out; the test that drives it makes the calls and keeps the time.
///
///     var keda = KedaDouble(fallback: .init(replicas: 6))
///     var actions = keda.receive(.created)                    // [.askSpecs(after: .zero)]
///     actions = keda.receive(.specs([.init(target: 1)]))      // the HPA exists: [.ask(after: .zero)]
///     actions = keda.receive(.answers([.value(9, isActive: true)]))   // [.scale(to: 9), .ask(after: .seconds(15))]
///
/// The rules are those of KEDA's sources (`pkg/scaling`, `pkg/fallback`, `pkg/scalers/external_scaler.go`,
/// `controllers/keda/hpa.go`) and of the HPA's replica calculator.
public struct KedaDouble: Sendable {
  /// What depends on KEDA's version.
  public struct Version: Sendable {
    /// Whether the floating-point fields are read where they are above 0; before 2.17 the integer fields count alone.
    public var readsFractions: Bool
    /// Whether a fallback starts the first replica; from 2.19 on.
    public var fallbackStartsFromZero: Bool

    /// Before 2.17.
    public static let wholeNumbers = Version(readsFractions: false, fallbackStartsFromZero: false)
    /// 2.17 and 2.18.
    public static let fractions = Version(readsFractions: true, fallbackStartsFromZero: false)
    /// From 2.19 on.
    public static let current = Version(readsFractions: true, fallbackStartsFromZero: true)
  }

  /// The ScaledObject's `fallback`.
  public struct Fallback: Sendable {
    /// `failureThreshold`: it acts when more calls in a row have failed.
    public var failureThreshold: Int
    /// `replicas`.
    public var replicas: Int

    /// Creates a fallback.
    public init(failureThreshold: Int = 3, replicas: Int) {
      self.failureThreshold = failureThreshold
      self.replicas = replicas
    }
  }

  /// A trigger's number: the integer field and the floating-point field of the message.
  public struct Number: Sendable, Equatable {
    /// The older field.
    public var integer: Int64
    /// The newer field.
    public var float: Double

    /// Creates a number of both fields.
    public init(integer: Int64, float: Double) {
      self.integer = integer
      self.float = float
    }

    /// The same number in both fields.
    public init(_ number: Int) { self.init(integer: Int64(number), float: Double(number)) }

    /// What a version of KEDA reads, in thousandths, cut off.
    func thousandths(_ version: Version) -> Double {
      let number = version.readsFractions && float > 0 ? float : Double(integer)
      return (number * 1000).rounded(.towardZero)
    }
  }

  /// What a trigger answers to a round of calls.
  public enum Answer: Sendable, Equatable {
    /// Everything: GetMetricSpec, GetMetrics and IsActive.
    case value(Number, isActive: Bool)
    /// GetMetricSpec alone: GetMetrics or IsActive has failed.
    case failed
    /// Nothing: GetMetricSpec has failed too.
    case noSpec

    /// A whole number.
    public static func value(_ number: Int, isActive: Bool = true) -> Answer {
      .value(Number(number), isActive: isActive)
    }
  }

  /// What happens to the ScaledObject.
  public enum Event: Sendable {
    /// It is created, or changed, so that it is reconciled.
    case created
    /// GetMetricSpec of each trigger: its target, or nil when it has failed.
    case specs([Number?])
    /// A round of calls to each trigger.
    case answers([Answer])
    /// The stream of an `external-push` trigger has ended, with OK or with an error.
    case streamEnded(isOK: Bool)
    /// The stream says that the workload is active.
    case pushedActive
  }

  /// What is to be done.
  public enum Action: Sendable, Equatable {
    /// Call GetMetricSpec of each trigger, and report ``Event/specs(_:)``.
    case askSpecs(after: Duration)
    /// Call each trigger, and report ``Event/answers(_:)``.
    case ask(after: Duration)
    /// Open the stream again.
    case openStream(after: Duration)
    /// The workload is to have so many replicas.
    case scale(to: Int)
  }

  /// The replicas that the workload has.
  public private(set) var replicas: Int
  /// The targets of the HPA, in thousandths, by trigger; nil until it is made. A trigger without a specification when it was
  /// made is nil in it, until the next reconciliation.
  public private(set) var targets: [Double?]?
  /// How many calls in a row have failed, by trigger.
  public private(set) var failures: [Int: Int] = [:]
  /// Whether the fallback acts now.
  public private(set) var isFallingBack = false

  private let version: Version
  private let minimum: Int
  private let maximum: Int
  private let fallback: Fallback?
  private var reconciliations = ExponentialWait(first: .milliseconds(5), most: .seconds(1000))
  private var streams = ExponentialWait(first: .seconds(2), most: .seconds(60))

  /// The time between two rounds of calls by the HPA.
  public static let interval = Duration.seconds(15)

  /// Creates a ScaledObject.
  ///
  /// - Parameters:
  ///   - minimum: `minReplicaCount`.
  ///   - maximum: `maxReplicaCount`.
  ///   - replicas: what the workload has at first; by default the minimum.
  public init(
    version: Version = .current, minimum: Int = 1, maximum: Int = 100, fallback: Fallback? = nil, replicas: Int? = nil
  ) {
    self.version = version
    self.minimum = minimum
    self.maximum = maximum
    self.fallback = fallback
    self.replicas = replicas ?? minimum
  }

  /// Takes an event.
  ///
  /// - Returns: what is to be done, in order.
  public mutating func receive(_ event: Event) -> [Action] {
    switch event {
    case .created:
      reconciliations.reset()
      return [.askSpecs(after: .zero)]
    case .specs(let specs): return reconcile(specs)
    case .answers(let answers):
      let wanted = wanted(answers)
      defer { replicas = wanted }
      return (wanted == replicas ? [] : [.scale(to: wanted)]) + [.ask(after: Self.interval)]
    case .streamEnded(let isOK):
      if isOK { streams.reset() }
      return [.openStream(after: streams.next())]
    case .pushedActive:
      guard replicas == 0 else { return [] }
      replicas = max(1, minimum)
      return [.scale(to: replicas)]
    }
  }

  /// The HPA is made of the specifications that there are; without any, all is tried again, ever later.
  private mutating func reconcile(_ specs: [Number?]) -> [Action] {
    guard specs.contains(where: { $0 != nil }) else { return [.askSpecs(after: reconciliations.next())] }
    targets = specs.map { $0?.thousandths(version) }
    reconciliations.reset()
    return [.ask(after: .zero)]
  }

  private mutating func wanted(_ answers: [Answer]) -> Int {
    guard let targets else { return replicas }
    var isActive = false
    var isError = answers.contains(.noSpec)
    var values: [Int: Double] = [:]
    isFallingBack = false
    for (trigger, answer) in answers.enumerated() {
      switch answer {
      case .value(let number, let triggerIsActive):
        failures[trigger] = 0
        values[trigger] = number.thousandths(version)
        isActive = isActive || triggerIsActive
      case .failed:
        failures[trigger, default: 0] += 1
        guard let fallback, failures[trigger, default: 0] > fallback.failureThreshold else {
          isError = true
          continue
        }
        isFallingBack = true
        isActive = isActive || version.fallbackStartsFromZero
        values[trigger] = targets[trigger].map { $0 * Double(fallback.replicas) }
      // Not counted as a failure, so no fallback comes of it.
      case .noSpec: break
      }
    }
    // At zero the HPA is off.
    guard replicas > 0 else { return isActive ? max(1, minimum) : 0 }
    if !isActive, !isError, minimum == 0 { return 0 }
    return byHPA(targets, values, hasNoSpec: answers.contains(.noSpec), answers)
  }

  /// The most that a metric asks for; what fails keeps the HPA from scaling down.
  private func byHPA(_ targets: [Double?], _ values: [Int: Double], hasNoSpec: Bool, _ answers: [Answer]) -> Int {
    var proposals: [Int] = []
    var isIncomplete = false
    for (trigger, target) in targets.enumerated() {
      guard let target, target > 0 else { continue }
      // While any trigger has no specification, KEDA answers for no metric, unless a fallback acts for it.
      let isFallback = answers.indices.contains(trigger) && answers[trigger] == .failed
      guard let value = values[trigger], !hasNoSpec || isFallback else {
        isIncomplete = true
        continue
      }
      let ratio = value / (target * Double(replicas))
      proposals.append(abs(ratio - 1) <= 0.1 ? replicas : Int((value / target).rounded(.up)))
    }
    guard let most = proposals.max(), !isIncomplete || most > replicas else { return replicas }
    return min(max(most, minimum, 1), maximum)
  }
}

/// A wait that doubles each time it is used, up to a limit.
struct ExponentialWait: Sendable {
  private let first: Duration
  private let most: Duration
  private var current: Duration

  init(first: Duration, most: Duration) {
    self.first = first
    self.most = most
    current = first
  }

  /// The wait before the next try.
  mutating func next() -> Duration {
    defer { current = min(current * 2, most) }
    return current
  }

  mutating func reset() { current = first }
}

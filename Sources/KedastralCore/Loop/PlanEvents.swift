#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Something that happened to the plans of a workload: at an instant, or from one to another.
package struct PlanEvent: Sendable, Equatable {
  /// What happened.
  package enum Kind: String, Sendable, CaseIterable {
    /// Limits kept the plan below the required replicas.
    case capped
    /// The plan was based on the forecast alone.
    case bridged
    /// Rounds failed.
    case failed
    /// Forecasts became much less accurate: the load left its pattern.
    case regime
    /// The workload's settings changed.
    case reload
  }

  package var kind: Kind
  package var begin: Date
  /// The end; nil while it lasts. An instant ends when it begins.
  package var end: Date?
  /// What happened, in a short sentence.
  package var text: String

  package init(kind: Kind, begin: Date, end: Date?, text: String) {
    self.kind = kind
    self.begin = begin
    self.end = end
    self.text = text
  }
}

/// The events of a workload since this process began to forecast it, without the oldest ones.
package struct PlanEvents: Sendable, Equatable {
  /// The number of events that are kept.
  static let capacity = 60
  /// The number of characters of a text.
  static let longestText = 160
  /// Forecasts are much less accurate from this error on, as a share of the load, and from this multiple of the usual error on.
  private static let (leastError, errorFactor) = (0.3, 2.5)
  /// The weight of a round's error in the usual error.
  private static let usualWeight = 0.005

  /// The events, by their begin.
  package private(set) var all: [PlanEvent] = []
  private var usualError: Double?

  package init() {}

  /// Adds what a round says of the workload.
  ///
  /// - Parameter leadTime: how far ahead limits count, where the plan has no lead time of its own.
  mutating func add(_ round: ForecastRound, leadTime: Duration) {
    let now = round.endedAt
    follow(.failed, round.failure.map { "\($0.stage.rawValue) failed: \($0.problem)" }, at: now)
    guard let snapshot = round.snapshot else { return }
    let shortfall = snapshot.shortfall(leadTime: snapshot.leadTime(orElse: leadTime), at: now)
    follow(.capped, shortfall?.description, at: now)
    follow(
      .bridged, snapshot.bridgedUntil.map { _ in "no new samples: planned from the forecast alone" }, at: now)
    followError(snapshot.accuracy?.relativeError, at: now)
  }

  /// Adds a change of the workload's settings.
  mutating func addReload(at now: Date) {
    add(PlanEvent(kind: .reload, begin: now, end: now, text: "the settings were changed"))
  }

  private mutating func followError(_ error: Double?, at now: Date) {
    guard let error, error.isFinite else { return }
    let usual = usualError ?? error
    usualError = usual + (error - usual) * Self.usualWeight
    let isOngoing = all.contains { $0.kind == .regime && $0.end == nil }
    // It ends at a lower error than it begins.
    let limit = max(Self.leastError, usual * Self.errorFactor) * (isOngoing ? 0.7 : 1)
    func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
    let text = "the load left its pattern: forecasts are off by \(percent(error)), usually by \(percent(usual))"
    follow(.regime, error >= limit ? text : nil, at: now)
  }

  /// Begins an event, continues it, or ends it when there is no text.
  private mutating func follow(_ kind: PlanEvent.Kind, _ text: String?, at now: Date) {
    let ongoing = all.lastIndex { $0.kind == kind && $0.end == nil }
    switch (ongoing, text) {
    case (let index?, nil): all[index].end = now
    case (nil, let text?): add(PlanEvent(kind: kind, begin: now, end: nil, text: text))
    default: break
    }
  }

  private mutating func add(_ event: PlanEvent) {
    var event = event
    event.text = String(event.text.prefix(Self.longestText))
    // What lasts stays in the list.
    if all.count == Self.capacity { all.remove(at: all.firstIndex { $0.end != nil } ?? 0) }
    all.append(event)
  }
}

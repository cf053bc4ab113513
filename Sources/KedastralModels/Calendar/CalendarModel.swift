import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model that sees ordinary days only: the events of a calendar are taken out of its history, and added to its forecast.
///
///     WorkloadCalendar(zone: berlin, country: CountryHolidays("DE-BY")).applied(to: AutoModel(utcOffset: offset))
struct CalendarModel: Model {
  let model: any Model
  let calendar: WorkloadCalendar

  var name: String { model.name }

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    var effects = CalendarEffects()
    guard let adjustment = effects.adjustment(of: history, unsettled: 0, steps: steps, by: calendar) else {
      return try model.forecast(history, steps: steps, quantiles: quantiles)
    }
    return try model.forecast(adjustment.history, steps: steps, quantiles: quantiles).with(adjustment)
  }

  func makeSession() -> any ModelSession { CalendarSession.make(calendar, model.makeSession()) }
}

/// The same of a model that has a simple forecast for the first plans, whose history is too short for a calendar.
struct LearningCalendarModel: LearningModel {
  let model: any LearningModel
  let calendar: WorkloadCalendar

  var name: String { model.name }

  func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try CalendarModel(model: model, calendar: calendar).forecast(history, steps: steps, quantiles: quantiles)
  }

  func makeSession() -> any ModelSession { CalendarSession.make(calendar, model.makeSession()) }

  func firstForecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
    try model.firstForecast(history, steps: steps, quantiles: quantiles)
  }
}

extension WorkloadCalendar {
  /// A model that uses this calendar.
  package func applied(to model: any Model) -> any Model {
    if let model = model as? any LearningModel { return LearningCalendarModel(model: model, calendar: self) }
    return CalendarModel(model: model, calendar: self)
  }
}

/// The session of a model with a calendar; it keeps what was learned of the calendar's events.
struct CalendarSession: ModelSession {
  let calendar: WorkloadCalendar
  fileprivate var session: any ModelSession
  private var effects = CalendarEffects()

  private init(calendar: WorkloadCalendar, session: any ModelSession) {
    self.calendar = calendar
    self.session = session
  }

  /// The session of a model's session, which has a fit if that has one.
  static func make(_ calendar: WorkloadCalendar, _ session: any ModelSession) -> any ModelSession {
    let own = CalendarSession(calendar: calendar, session: session)
    return session is any FittedSession ? FittedCalendarSession(own: own) : own
  }

  mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) async throws -> Forecast {
    try await forecast(history, HistoryChange(), steps: steps, quantiles: quantiles)
  }

  mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double]
  ) async throws -> Forecast {
    let unsettled = min(change.unsettledCount, max(0, history.count - 1))
    guard let adjustment = effects.adjustment(of: history, unsettled: unsettled, steps: steps, by: calendar) else {
      return try await session.forecast(history, change, steps: steps, quantiles: quantiles)
    }
    var change = change
    if adjustment.hasChanged, change.kind == .grown { change.kind = .filled }
    return try await session.forecast(adjustment.history, change, steps: steps, quantiles: quantiles).with(adjustment)
  }

  // MARK: Storing

  private struct Stored: Codable {
    static let currentVersion = 1
    var version = Stored.currentVersion
    var kept: [String: CalendarEffects.Kept]
    var effects: [String: CalendarEffects.Effect]
    var session: Data?

    private enum CodingKeys: String, CodingKey { case version = "calendarVersion", kept, effects, session }
  }

  var state: Data? {
    let own = session.state
    guard own != nil || !effects.kept.isEmpty || !effects.effects.isEmpty else { return nil }
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try? encoder.encode(Stored(kept: effects.kept, effects: effects.effects, session: own))
  }

  mutating func restore(_ state: Data) {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let stored = try? decoder.decode(Stored.self, from: state), stored.version == Stored.currentVersion else {
      // The state of a session without a calendar.
      session.restore(state)
      return
    }
    effects = CalendarEffects(kept: stored.kept, effects: stored.effects)
    if let own = stored.session { session.restore(own) }
  }
}

/// The same of a session with a fit.
struct FittedCalendarSession: FittedSession {
  fileprivate var own: CalendarSession

  mutating func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) async throws -> Forecast {
    try await own.forecast(history, steps: steps, quantiles: quantiles)
  }

  mutating func forecast(
    _ history: TimeSeries, _ change: HistoryChange, steps: Int, quantiles: [Double]
  ) async throws -> Forecast {
    try await own.forecast(history, change, steps: steps, quantiles: quantiles)
  }

  var state: Data? { own.state }

  mutating func restore(_ state: Data) { own.restore(state) }

  var fittedAt: Date? { (own.session as? any FittedSession)?.fittedAt }

  var isFittedApart: Bool {
    get { (own.session as? any FittedSession)?.isFittedApart ?? false }
    set {
      guard var fitted = own.session as? any FittedSession else { return }
      fitted.isFittedApart = newValue
      own.session = fitted
    }
  }

  var isFitDue: Bool { (own.session as? any FittedSession)?.isFitDue ?? false }

  var fit: [UInt8]? { (own.session as? any FittedSession)?.fit }

  mutating func restore(fit: [UInt8]) -> Bool {
    guard var fitted = own.session as? any FittedSession, fitted.restore(fit: fit) else { return false }
    own.session = fitted
    return true
  }
}

extension Forecast {
  /// This forecast of ordinary days with the events of a calendar.
  fileprivate func with(_ adjustment: CalendarEffects.Adjustment) -> Forecast {
    var forecast = self
    if let factors = adjustment.factors {
      func adjusted(_ path: [Double]) -> [Double] {
        zip(path, factors).map { min($0 * $1, .greatestFiniteMagnitude) }
      }
      forecast.values = adjusted(values)
      forecast.quantiles = quantiles.mapValues(adjusted)
    }
    if !adjustment.notes.isEmpty {
      let note = "calendar: \(adjustment.notes.joined(separator: "; "))"
      forecast.reason = [forecast.reason, note].compactMap(\.self).joined(separator: "; ")
    }
    return forecast
  }
}

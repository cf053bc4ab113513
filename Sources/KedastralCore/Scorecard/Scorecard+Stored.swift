#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The stored form of a scorecard: its days. What waits for its load is not stored: those minutes do not count after a restart.
struct StoredScorecard: Codable, Sendable {
  static let currentVersion = 1

  private var version = currentVersion
  /// The numbers of each day; see ``ScorecardDay/numbers``.
  private var days: [[Double]]

  /// The days as data, of at most 8 KiB; nil when there are none.
  static func data(of days: [ScorecardDay]) -> Data? {
    guard !days.isEmpty else { return nil }
    return try? JSONEncoder().encode(StoredScorecard(days: days.map { $0.numbers.map(shortened) }))
  }

  private init(days: [[Double]]) { self.days = days }

  /// Reads stored days; nil when they are of another version or damaged.
  static func days(in data: Data) -> [ScorecardDay]? {
    guard let stored = try? JSONDecoder().decode(StoredScorecard.self, from: data), stored.version == currentVersion
    else { return nil }
    let days = stored.days.compactMap(ScorecardDay.init)
    let isAscending = zip(days, days.dropFirst()).allSatisfy { $0.day < $1.day }
    guard days.count == stored.days.count, days.count <= Scorecard.keptDays, isAscending else { return nil }
    return days
  }

  /// Shortens sums of loads to the 24 bits of a Float; counts stay exact.
  private static func shortened(_ number: Double) -> Double {
    number == number.rounded() && number < 1e15 ? number : Double(Float(number).description) ?? number
  }
}

extension Scorecard {
  /// The days to store; nil when there are none.
  package var stored: Data? { StoredScorecard.data(of: days) }

  /// Resumes from the stored days of an earlier process.
  ///
  /// - Returns: false when they are damaged or of another version; the scorecard then begins without them.
  package mutating func resume(_ stored: Data, at now: Date) -> Bool {
    guard let days = StoredScorecard.days(in: stored) else { return false }
    let own = self.days
    self.days = days.filter { $0.day <= now.utcDay + 1 }
    for day in own { add(day) }
    return true
  }
}

import KedastralCore

/// Describes a fit in plain words.
extension LoadRegression {
  /// The number of members that are named; the others are combined.
  private static let membersNamed = 3

  /// The description of each member.
  func names(step: Duration) -> [String] {
    members.map { member in
      let start = words(member.start, step: step)
      return member.penalty == nil ? start : "adjusted \(start)"
    } + ["recent samples"]
  }

  /// What repeating the last season is called, or the last sample where there is no season.
  func nameOfRepeating(step: Duration) -> String {
    features.layout.season == nil ? "last sample repeated" : words(.lastSeason, step: step)
  }

  /// The composition of the forecast: `model mix: median of the last 8 days 43 %, …; seasonality: 1 day, 1 week`.
  func explanation(step: Duration) -> String {
    let parts = zip(names(step: step), shares).map { Forecast.Member(name: $0, weight: $1) }
    let members = Forecast.Member.joined(parts).sorted { $0.weight > $1.weight }
    var mix = members.prefix(Self.membersNamed).filter { percent($0.weight) > 0 }
      .map { "\($0.name) \(percent($0.weight)) %" }
    let others = members.dropFirst(Self.membersNamed).reduce(0) { $0 + $1.weight }
    if percent(others) > 0 { mix.append("others \(percent(others)) %") }
    let layout = features.layout
    // A period of nearly the season's length is the season, as far as a spectrum tells them apart.
    let short = layout.shortSeason.flatMap { 2 * $0 <= layout.season ?? 0 ? $0 : nil }
    let seasons = [short, layout.season, layout.week].compactMap(\.self)
    let seasonality = seasons.isEmpty ? "none" : seasons.map { DurationText.words(step * $0) }.joined(separator: ", ")
    return "model mix: \(mix.joined(separator: ", ")); seasonality: \(seasonality)"
  }

  private func percent(_ share: Double) -> Int { Int((share * 100).rounded()) }

  private func words(_ start: DirectRegression.Start.Kind, step: Duration) -> String {
    let season = step * (features.layout.season ?? 1)
    let isDay = season == .seconds(86_400)
    func seasons(_ count: Int) -> String {
      if isDay { return count == 1 ? "the last day" : "the last \(count) days" }
      return "the last \(count) season\(count == 1 ? "" : "s") of \(DurationText.words(season))"
    }
    return switch start {
    case .constant: "overall median"
    case .level: "recent level"
    case .profile: isDay ? "same time on recent days" : "same time in recent seasons of \(DurationText.words(season))"
    // Only as many are there as the history has.
    case .median(let count): "median of \(seasons(min(count, max(1, seasonCount))))"
    case .lastSeason: isDay ? "last day repeated" : "last \(DurationText.words(season)) repeated"
    case .lastWeek: "last week repeated"
    }
  }
}

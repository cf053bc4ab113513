import KedastralCore

/// The last few samples before and at a place of a history; a missing one counts as the one before it.
struct RecentLoad {
  /// How many samples these are at most.
  static let depth = 16

  private let values: [Double]

  init(_ history: TimeSeries, at place: Int) {
    var values: [Double] = []
    var last = history.values[...place].last(where: \.isFinite) ?? 0
    for index in max(0, place + 1 - Self.depth)...place {
      if history.values[index].isFinite { last = max(0, history.values[index]) }
      values.append(last)
    }
    self.values = values
  }

  var newest: Double { values[values.count - 1] }

  /// The change over `span` steps, up to so many steps before the newest sample.
  func change(_ span: Int, before: Int = 0) -> Double { at(before) - at(before + span) }

  func mean(_ count: Int) -> Double { (0..<count).reduce(0) { $0 + at($1) } / Double(count) }

  private func at(_ age: Int) -> Double { values[max(0, values.count - 1 - age)] }
}

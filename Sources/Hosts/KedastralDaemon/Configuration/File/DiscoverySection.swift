/// A query whose values of a label become workloads, as a file has it.
struct DiscoverySection: Decodable, Sendable {
  var source: Section<SourceSection>?
  var interval: Located<Duration>?
  var keep: Located<Duration>?
  var limit: Located<Int>?
  var include: Located<[NamePattern]>?
  var exclude: Located<[NamePattern]>?
  var defaults: [Section<MatchedSection>]?
}

/// The settings of workloads whose names match.
struct MatchedSection: Decodable, Sendable {
  var match: Located<[NamePattern]>?
  var workload: WorkloadSection

  private enum Key: String, CodingKey { case match }

  init(from decoder: any Decoder) throws {
    match = try decoder.container(keyedBy: Key.self).decodeIfPresent(Located<[NamePattern]>.self, forKey: .match)
    // The keys of a workload stand beside the pattern.
    workload = try WorkloadSection(from: decoder)
  }
}

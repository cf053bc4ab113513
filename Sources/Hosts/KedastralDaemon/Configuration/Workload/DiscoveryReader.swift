import KedastralCore
import KedastralSources

/// Reads where workloads are discovered, and checks the settings that they will have.
struct DiscoveryReader {
  /// The default of `interval`.
  static let interval = Duration.seconds(60)
  /// The default of `keep`.
  static let keep = Duration.seconds(3600)
  /// The default of `limit`.
  static let limit = 1000

  let given: GivenSettings
  /// What all workloads of the file have in common.
  let defaults: WorkloadSection?
  let knownModels: [String]
  let problems: ProblemList

  /// The discovery that a section describes; nil when something needed is missing.
  func read(_ section: Section<DiscoverySection>) -> DiscoveryConfiguration? {
    let own = section.content
    guard let source = source(own.source, at: section.origin) else { return nil }
    let sections = own.defaults ?? []
    let rules = sections.compactMap { rule($0, source) }
    // Names that no pattern matches have the settings of all workloads.
    guard rules.count == sections.count, let others = template(WorkloadSection(), source, at: section.origin) else {
      return nil
    }
    guard case .prometheus(let settings) = others.source, let label = settings.series?.label else { return nil }
    let interval = own.interval?.value ?? Self.interval
    let keep = own.keep?.value ?? Self.keep
    let limit = own.limit?.value ?? Self.limit
    check(own.interval, interval >= .seconds(1), "the interval is shorter than a second; write one such as 1m")
    check(own.keep, keep >= .zero, "the time that workloads are kept is negative; write one such as 1h")
    check(own.limit, (1...100_000).contains(limit), "the limit is not between 1 and 100000; write one such as 1000")
    let all = [NamePattern("*")]
    return DiscoveryConfiguration(
      source: settings, label: label, interval: interval, keep: keep, limit: limit, include: own.include?.value ?? all,
      exclude: own.exclude?.value ?? [], rules: rules + [.init(patterns: all, template: others)])
  }

  private func check<Value>(_ value: Located<Value>?, _ isValid: Bool, _ message: String) {
    if let value, !isValid { problems.add(value.origin, message) }
  }

  private func source(_ section: Section<SourceSection>?, at origin: Origin) -> Section<SourceSection>? {
    guard let section else {
      problems.add(origin, "the key 'source' is missing: the query and the label whose values become workloads")
      return nil
    }
    let content = section.content.inheriting(from: defaults?.source?.content)
    if let type = content.type, type.value != .prometheus, type.value != .victoriametrics {
      problems.add(type.origin, "workloads are discovered by a source of type prometheus or victoriametrics alone")
      return nil
    }
    if let value = content.labelValue {
      problems.add(value.origin, "every value of the label becomes a workload, so that none can be given; remove it")
    }
    guard content.label != nil else {
      problems.add(
        section.origin,
        "the key 'label' is missing: the label whose values become workloads, such as app with sum by (app) (…)")
      return nil
    }
    return Section(content, at: section.origin)
  }

  private func rule(
    _ section: Section<MatchedSection>, _ source: Section<SourceSection>
  ) -> DiscoveryConfiguration.Rule? {
    let own = section.content
    if own.match == nil {
      problems.add(section.origin, "the key 'match' is missing: the names with these settings, such as shop-*")
    }
    for (key, origin) in [("name", own.workload.name?.origin), ("source", own.workload.source?.origin)] {
      guard let origin else { continue }
      problems.add(origin, "the \(key) of these workloads is discovered, so that none can be given; remove it")
    }
    guard let template = template(own.workload, source, at: section.origin), let match = own.match else { return nil }
    return DiscoveryConfiguration.Rule(patterns: match.value, template: template)
  }

  private func template(
    _ section: WorkloadSection, _ source: Section<SourceSection>, at origin: Origin
  ) -> WorkloadConfiguration? {
    guard let name = try? WorkloadName("discovered") else { return nil }
    var section = section
    section.name = Located(name, origin)
    section.source = source
    section.metric = section.metric ?? defaults?.metric ?? Located("load", origin)
    return WorkloadReader(given: given, defaults: defaults, knownModels: knownModels, problems: problems)
      .read(Section(section, at: origin))?.configuration
  }
}

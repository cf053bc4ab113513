import KedastralCore
import KedastralSources

/// Reads where a workload's own lead time comes from.
struct LeadTimeReader {
  let given: GivenSettings
  let problems: ProblemList

  /// The lead time; nil when the workload has none of its own.
  func read(
    _ own: WorkloadSection?, defaults: WorkloadSection?, of workload: WorkloadName, source: SourceConfiguration
  ) -> LeadTimeConfiguration? {
    let query = given.text(Settings.leadTimeQuery, own?.leadTimeQuery, defaults?.leadTimeQuery)
    guard let choice = given.value(Settings.ownLeadTime, own?.leadTime, defaults?.leadTime) else {
      noteUnused(query)
      return nil
    }
    switch choice.value {
    case .fixed(let duration):
      noteUnused(query)
      return .fixed(duration)
    case .auto:
      guard case .prometheus(let settings) = source else {
        problems.add(
          choice.origin,
          "the lead time auto is measured by a query to the workload's Prometheus, and its source is none; write a duration such as 3m"
        )
        return nil
      }
      return .query(
        LeadTimeQuery(
          endpoint: settings.endpoint, text: query?.value ?? PodStartupQuery.text(of: workload),
          isDefault: query == nil))
    }
  }

  private func noteUnused(_ query: Located<String>?) {
    guard let query else { return }
    problems.add(query.origin, "the query is used with the lead time auto only; set leadTime: auto, or remove it")
  }
}

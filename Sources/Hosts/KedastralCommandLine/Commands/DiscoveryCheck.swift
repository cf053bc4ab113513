import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralHTTP
import KedastralNet
import KedastralSources

/// What a discovery would make workloads of; nothing is forecast for it.
struct CheckedDiscovery: Sendable {
  /// A value of the label.
  struct Value: Sendable {
    let text: String
    /// Its outcome in words.
    let status: String
    /// The patterns of the rule that applies, and its settings; nil for a value that becomes no workload.
    var rule: DiscoveryConfiguration.Rule?
  }

  let query: String
  let label: String
  var values: [Value] = []
  /// Why the values are not known.
  var problem: String?

  init(_ settings: DiscoveryConfiguration) {
    (query, label) = (settings.source.query, settings.label)
  }

  /// The workloads that it finds.
  var workloadCount: Int { values.count { $0.rule != nil } }

  /// A table of the values.
  var table: TextTable {
    var table = TextTable(["discovered", "result", "settings of", "metric", "model", "target per pod"], textColumns: 5)
    for value in values {
      let template = value.rule?.template
      table.add([
        value.text, value.status, value.rule.map { $0.patterns.map(\.text).joined(separator: ", ") } ?? "",
        template?.metric ?? "", template?.model.name ?? "", template?.policy.targetPerPod.loadText ?? "",
      ])
    }
    return table
  }

  /// Writes it as a member of the report's JSON.
  func write(to text: inout JSONText) {
    text.object {
      $0.member("query", query)
      $0.member("label", label)
      if let problem { $0.member("problem", problem) }
      $0.member("workloads", Double(workloadCount))
      $0.member("values") { list in
        list.array(values) { item, value in
          item.object {
            $0.member("value", value.text)
            $0.member("result", value.status)
            guard let rule = value.rule else { return }
            $0.member("match", rule.patterns.map(\.text).joined(separator: ","))
            $0.member("metric", rule.template.metric)
            $0.member("model", rule.template.model.name)
            $0.member("targetPerPod", rule.template.policy.targetPerPod)
          }
        }
      }
    }
  }
}

/// Reads the values of each discovery's label once.
struct DiscoveryCheck {
  let deadline: Duration
  /// The names of the file's workloads, which override those that are discovered.
  let reserved: Set<WorkloadName>

  func check(_ discoveries: [DiscoveryConfiguration]) async throws -> [CheckedDiscovery] {
    guard !discoveries.isEmpty else { return [] }
    let client = try HTTPClient(on: try EventLoop())
    var taken = reserved
    var results: [CheckedDiscovery] = []
    for settings in discoveries {
      var checked = CheckedDiscovery(settings)
      do {
        var timed = settings
        timed.source.endpoint.deadline = min(deadline, settings.source.endpoint.deadline)
        let answer = try await timed.read(client: client, logger: .silent, at: SystemWallClock().now)
        if answer.values.isEmpty { checked.problem = "no series has the label \(settings.label)" }
        checked.values = values(answer, settings, &taken)
      } catch { checked.problem = "\(error)" }
      results.append(checked)
    }
    return results
  }

  private func values(
    _ answer: LabelValues, _ settings: DiscoveryConfiguration, _ taken: inout Set<WorkloadName>
  ) -> [CheckedDiscovery.Value] {
    let chosen = DiscoveredValues(answer, settings)
    let overLimit = Set(chosen.overLimit)
    return answer.values.map { value in
      guard settings.accepts(value) else { return .init(text: value, status: "excluded") }
      guard let name = try? WorkloadName(value) else { return .init(text: value, status: "not a valid name") }
      if overLimit.contains(value) { return .init(text: value, status: "over the limit") }
      guard taken.insert(name).inserted else { return .init(text: value, status: "described elsewhere") }
      return .init(text: value, status: "workload", rule: settings.rule(for: value))
    }
  }
}

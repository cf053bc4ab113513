import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralHTTP

/// The result of checking one workload.
struct CheckedWorkload: Sendable {
  enum Outcome: Sendable {
    /// Its source was not queried.
    case unasked
    /// Its source responds, but one response is not enough for a forecast.
    case answers
    /// Its source responds, and a plan was made.
    case plans
    /// Why there is no plan.
    case fails(String)
  }

  let name: String
  let metric: String
  let model: String
  let targetPerPod: Double
  var outcome = Outcome.unasked
  var samples: Int?
  /// Assumptions and corrections made while reading its sources.
  var remarks: [String] = []
  var explanation: PlanExplanation?

  init(_ settings: WorkloadConfiguration) {
    name = settings.name.text
    metric = settings.metric
    model = settings.model.name
    targetPerPod = settings.policy.targetPerPod
  }

  var problem: String? { if case .fails(let problem) = outcome { problem } else { nil } }

  /// The outcome in a word.
  var status: String {
    switch outcome {
    case .unasked: "not asked"
    case .answers: "answers"
    case .plans: "ok"
    case .fails: "fails"
    }
  }
}

/// The result of checking the store.
struct CheckedStore: Sendable {
  /// Its servers, without any secret.
  let name: String
  /// Why it cannot be used; empty when it can.
  var problems: [String] = []
  /// Missing permissions that only delay plans.
  var warnings: [String] = []
}

/// The result of `kedastral check`.
struct CheckReport {
  var problems: [ConfigurationProblem] = []
  /// The store outside this process; nil when there is none, or when it was not checked.
  var store: CheckedStore?
  var workloads: [CheckedWorkload] = []
  /// What the file's discoveries find; empty when they were not checked.
  var discoveries: [CheckedDiscovery] = []

  var exitCode: Int32 {
    if !problems.isEmpty { return ExitCode.askedWrongly }
    return store?.problems.isEmpty == false || workloads.contains { $0.problem != nil }
      || discoveries.contains { $0.problem != nil }
      ? ExitCode.failed : ExitCode.done
  }

  var table: TextTable {
    var table = TextTable(
      ["workload", "metric", "model", "source", "samples", "current load", "forecast", "planned for", "replicas"],
      textColumns: 4)
    for workload in workloads {
      let told = workload.explanation
      table.add([
        workload.name, workload.metric, workload.model, workload.status, workload.samples.map(String.init) ?? "",
        told.map { $0.currentLoad?.loadText ?? $0.absence } ?? "", told?.forecastAtLead.loadText ?? "",
        told?.plannedLoad?.loadText ?? "",
        told.map { told in
          let required = told.required ?? 0
          return required > told.replicas ? "\(told.replicas), capped: needs \(required)" : "\(told.replicas)"
        } ?? "",
      ])
    }
    return table
  }

  /// `{"ok":…,"problems":[…],"store":{…},"workloads":[…],"discovery":[…]}`; a problem of a file has its file, line, column and key.
  var json: String {
    var text = JSONText()
    text.object {
      $0.member("ok", exitCode == 0)
      $0.member("problems") { $0.array(problems) { Self.write($1, to: &$0) } }
      if let store { $0.member("store") { Self.write(store, to: &$0) } }
      $0.member("workloads") { $0.array(workloads) { Self.write($1, to: &$0) } }
      if !discoveries.isEmpty { $0.member("discovery") { $0.array(discoveries) { $1.write(to: &$0) } } }
    }
    return String(decoding: text.bytes, as: UTF8.self)
  }

  private static func write(_ problem: ConfigurationProblem, to text: inout JSONText) {
    text.object {
      if case .file(let file, let line, let column, let key) = problem.origin {
        $0.member("file", file)
        $0.member("line", Double(line))
        $0.member("column", Double(column))
        $0.member("key", key)
      } else if problem.origin != .nowhere {
        $0.member("setting", problem.origin.description)
      }
      $0.member("message", problem.message)
    }
  }

  private static func write(_ store: CheckedStore, to text: inout JSONText) {
    text.object {
      $0.member("name", store.name)
      $0.member("ok", store.problems.isEmpty)
      if !store.problems.isEmpty { $0.member("problem", store.problems.joined(separator: "; ")) }
      if !store.warnings.isEmpty {
        $0.member("warnings") { $0.array(store.warnings) { $0.string($1) } }
      }
    }
  }

  private static func write(_ workload: CheckedWorkload, to text: inout JSONText) {
    text.object {
      $0.member("workload", workload.name)
      $0.member("metric", workload.metric)
      $0.member("model", workload.model)
      $0.member("source", workload.status)
      if let problem = workload.problem { $0.member("problem", problem) }
      if !workload.remarks.isEmpty {
        $0.member("remarks") { $0.array(workload.remarks) { $0.string($1) } }
      }
      if let samples = workload.samples { $0.member("samples", Double(samples)) }
      guard let told = workload.explanation else { return }
      $0.member("load") { $0.number(told.currentLoad) }
      if let instant = told.newestSampleAt { $0.member("newestSampleAt", Timestamp.format(instant)) }
      $0.member("forecast", told.forecastAtLead)
      $0.member("plannedLoad") { $0.number(told.plannedLoad) }
      $0.member("leadTimeSeconds", told.leadTimeSeconds)
      $0.member("replicas", Double(told.replicas))
      $0.member("required") { $0.number(told.required.map(Double.init)) }
    }
  }
}

import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The API `external.metrics.k8s.io/v1beta1` with one metric: the replicas that a plan requests.
///
/// It is what a HorizontalPodAutoscaler requests for a metric of type `External`; the labels of the metric's selector name the
/// workload, and how its plan is read. Pure: it computes the answer to a request from a plan.
struct ExternalMetricsAPI {
  /// What a plan is read with where the selector does not say.
  struct Defaults: Sendable {
    var leadTime: Duration
    /// The age from which a plan is not served.
    var staleAfter: Duration
  }

  /// Why there is no value, in the terms of the API.
  struct Failure: Error, Equatable {
    let code: Int
    let reason: String
    let message: String

    static func invalid(_ message: String) -> Failure { Failure(code: 400, reason: "BadRequest", message: message) }
    static func missing(_ message: String) -> Failure { Failure(code: 404, reason: "NotFound", message: message) }
    static func unavailable(_ message: String) -> Failure {
      Failure(code: 503, reason: "ServiceUnavailable", message: message)
    }
  }

  static let group = "external.metrics.k8s.io"
  static let version = "v1beta1"
  static let metric = "kedastral-replicas"
  /// Where the API is.
  static let root = "/apis/\(group)/\(version)"

  let defaults: Defaults

  /// The list of what the API has: one resource of each namespace.
  static var resources: HTTPResponse {
    var text = JSONText()
    text.object {
      $0.member("kind", "APIResourceList")
      $0.member("apiVersion", "v1")
      $0.member("groupVersion", "\(group)/\(version)")
      $0.member("resources") {
        $0.array([metric]) { text, name in
          text.object {
            $0.member("name", name)
            $0.member("singularName", "")
            $0.member("namespaced", true)
            $0.member("kind", "ExternalMetricValueList")
            $0.member("verbs") { $0.array(["get"]) { $0.string($1) } }
          }
        }
      }
    }
    return .json(text.bytes)
  }

  /// Empty descriptions in OpenAPI: without them the API server logs an error again and again. Clients need none.
  static let descriptions: [(path: String, document: [UInt8])] = [
    (
      "/openapi/v2",
      Array(#"{"swagger":"2.0","info":{"title":"Kedastral external metrics","version":"v1beta1"},"paths":{}}"#.utf8)
    ),
    ("/openapi/v3", Array(#"{"paths":{}}"#.utf8)),
  ]

  /// The answer to `GET …/namespaces/NAMESPACE/METRIC?labelSelector=…`.
  ///
  /// - Parameters:
  ///   - path: the path as it was sent.
  ///   - selector: the decoded label selector.
  ///   - plan: finds the newest plan of a workload.
  func answer(_ path: String, selector: String?, at now: Date, plan: (String) -> Snapshot?) -> HTTPResponse {
    do throws(Failure) {
      let parts = path.dropFirst(Self.root.count).split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 4, parts[0].isEmpty, parts[1] == "namespaces", !parts[2].isEmpty else {
        throw .missing("the path is not \(Self.root)/namespaces/NAMESPACE/\(Self.metric)")
      }
      guard parts[3] == Self.metric else {
        throw .missing("there is no metric '\(parts[3].prefix(100))'; the metric is \(Self.metric)")
      }
      let labels = try Self.labels(selector ?? "")
      let (snapshot, value) = try value(labels, at: now, plan: plan)
      return Self.list(labels, value, at: snapshot.generatedAt)
    } catch {
      return Self.response(error)
    }
  }

  private func value(
    _ labels: [String: String], at now: Date, plan: (String) -> Snapshot?
  ) throws(Failure) -> (Snapshot, Double) {
    guard let name = labels["workload"] else {
      throw .invalid("the label 'workload' is missing: set selector.matchLabels.workload of the metric")
    }
    let known = ["workload", "leadTime", "mode", "select"]
    if let other = labels.keys.sorted().first(where: { !known.contains($0) }) {
      throw .invalid("the label '\(other.prefix(63))' is unknown; known labels: \(known.joined(separator: ", "))")
    }
    guard let snapshot = plan(name) else { throw .missing("no forecast for workload '\(name)'") }
    guard !snapshot.isDryRun else {
      throw .missing("workload '\(name)' is a dry run: its plan is not served")
    }
    if let staleness = snapshot.staleness(at: now, limit: defaults.staleAfter) {
      throw .unavailable("the forecast of workload '\(name)' is not served: \(staleness)")
    }
    let question = try question(labels, to: snapshot)
    guard let answer = snapshot.answer(question, at: now) else {
      throw .missing(
        "the forecast of workload '\(name)' has no planned load and target per pod, which mode load requires; "
          + "use mode replicas")
    }
    return (snapshot, answer.value)
  }

  private func question(_ labels: [String: String], to snapshot: Snapshot) throws(Failure) -> ScalingQuestion {
    var question = ScalingQuestion(leadTime: snapshot.leadTime(orElse: defaults.leadTime))
    if let text = labels["leadTime"], text != "auto" {
      guard let leadTime = try? DurationText.parse(text), leadTime >= .zero else {
        throw .invalid("leadTime '\(text.prefix(63))' is not a duration such as 5m, or auto")
      }
      question.leadTime = leadTime
    }
    if let text = labels["mode"] {
      guard let mode = ScalingQuestion.Mode(rawValue: text) else {
        throw .invalid("unknown mode '\(text.prefix(63))'; modes: replicas, load")
      }
      question.mode = mode
    }
    if let text = labels["select"] {
      guard let selection = ScalingQuestion.Selection(rawValue: text) else {
        throw .invalid("unknown select '\(text.prefix(63))'; known: max, at-lead")
      }
      question.selection = selection
    }
    return question
  }

  /// The labels that a selector demands. A selector is a list of `name=value`, as `matchLabels` become.
  static func labels(_ selector: String) throws(Failure) -> [String: String] {
    var labels: [String: String] = [:]
    guard selector.utf8.count <= 4096 else { throw .invalid("the label selector has more than 4096 bytes") }
    for requirement in selector.split(separator: ",") {
      let halves = requirement.split(separator: "=", omittingEmptySubsequences: false)
      // `==` means the same as `=`, and leaves an empty text between.
      guard halves.count == 2 || (halves.count == 3 && halves[1].isEmpty), let first = halves.first,
        let last = halves.last, !first.isEmpty, !first.hasSuffix("!"),
        !requirement.contains(where: { $0.isWhitespace || $0 == "(" })
      else {
        throw .invalid("the label selector '\(requirement.prefix(100))' is not NAME=VALUE: use matchLabels")
      }
      if let other = labels.updateValue(String(last), forKey: String(first)), other != last {
        throw .invalid("the label selector demands two values of '\(first.prefix(63))'")
      }
    }
    return labels
  }

  private static func list(_ labels: [String: String], _ value: Double, at time: Date) -> HTTPResponse {
    var text = JSONText()
    text.object {
      $0.member("kind", "ExternalMetricValueList")
      $0.member("apiVersion", "\(group)/\(version)")
      $0.member("metadata") { $0.object { _ in } }
      $0.member("items") {
        $0.array([value]) { text, value in
          text.object {
            $0.member("metricName", metric)
            $0.member("metricLabels") {
              $0.object { text in
                for (name, value) in labels.sorted(by: { $0.key < $1.key }) { text.member(name, value) }
              }
            }
            // To the second, as Kubernetes reads times.
            $0.member("timestamp", Timestamp.format(time.floored(to: .seconds(1))))
            $0.member("value", quantity(value))
          }
        }
      }
    }
    return .json(text.bytes)
  }

  /// A quantity as Kubernetes writes it: whole, or in thousandths, rounded up so that no pod is lost.
  static func quantity(_ value: Double) -> String {
    let thousandths = (value * 1000 - 1e-6).rounded(.up)
    let whole = (thousandths / 1000).rounded(.towardZero)
    return whole * 1000 == thousandths ? "\(Int(whole))" : "\(Int(thousandths))m"
  }

  static func response(_ failure: Failure) -> HTTPResponse {
    var text = JSONText()
    text.object {
      $0.member("kind", "Status")
      $0.member("apiVersion", "v1")
      $0.member("metadata") { $0.object { _ in } }
      $0.member("status", "Failure")
      $0.member("message", failure.message)
      $0.member("reason", failure.reason)
      $0.member("code", Double(failure.code))
    }
    return .json(status: failure.code, text.bytes)
  }
}

import KedastralCore
import KedastralKubernetes
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One aspect of an object's state.
struct PolicyCondition: Sendable, Equatable {
  enum Kind: String, Sendable, CaseIterable {
    case ready = "Ready"
    case sourceReachable = "SourceReachable"
    case accurate = "Accurate"
    case capped = "Capped"
    case bridged = "Bridged"
  }

  enum Status: String, Sendable {
    case yes = "True"
    case no = "False"
    case unknown = "Unknown"
  }

  let kind: Kind
  let status: Status
  /// One word in UpperCamelCase.
  let reason: String
  let message: String

  init(_ kind: Kind, _ status: Status, _ reason: String, _ message: String) {
    (self.kind, self.status, self.reason) = (kind, status, reason)
    self.message = String(decoding: message.utf8.prefix(4000), as: UTF8.self)
  }
}

/// What the status of a policy says, apart from the times of transitions.
struct PolicyStatus: Sendable, Equatable {
  var conditions: [PolicyCondition] = []
  var observedGeneration: Int?
  var workload: String?
  var scaledObjectName: String?
  /// The autoscaler whose `minReplicas` follows the plan.
  var autoscalerName: String?
  /// Its `minReplicas` while it is raised.
  var minReplicas: Int?
  var lastForecastTime: String?
  var currentLoad: Double?
  var currentReplicas: Int?
  var desiredReplicas: Int?

  /// How much another status differs.
  enum Difference: Int, Comparable {
    case none
    /// Only what changes with each forecast.
    case details
    /// The planned replicas, or that the accuracy is known.
    case replicas
    /// A condition, or what the policy is about.
    case state

    static func < (left: Difference, right: Difference) -> Bool { left.rawValue < right.rawValue }
  }

  func difference(from old: PolicyStatus) -> Difference {
    // That forecasts are measured and accurate, some minutes after the start of all policies, is not news of each.
    let isMeasured = condition(.accurate)?.status == .yes && old.condition(.accurate)?.status == .unknown
    func states(_ status: PolicyStatus) -> [[String]] {
      status.conditions.filter { !isMeasured || $0.kind != .accurate }
        .map { [$0.kind.rawValue, $0.status.rawValue, $0.reason] }
    }
    let isSameState =
      states(self) == states(old) && observedGeneration == old.observedGeneration && workload == old.workload
      && scaledObjectName == old.scaledObjectName && autoscalerName == old.autoscalerName
    if !isSameState { return .state }
    if isMeasured || currentReplicas != old.currentReplicas || desiredReplicas != old.desiredReplicas
      || minReplicas != old.minReplicas
    {
      return .replicas
    }
    return self == old ? .none : .details
  }

  func condition(_ kind: PolicyCondition.Kind) -> PolicyCondition? { conditions.first { $0.kind == kind } }

  /// Takes over the condition Accurate of a former status while this one does not know it.
  mutating func keepAccuracy(of former: JSONValue?) {
    guard let index = conditions.firstIndex(where: { $0.kind == .accurate && $0.status == .unknown }),
      let known = PolicyStatus(former).condition(.accurate), known.status != .unknown
    else { return }
    conditions[index] = known
  }
}

extension PolicyStatus {
  /// The status that an object has.
  init(_ status: JSONValue?) {
    guard let status else { return }
    for condition in status["conditions"].elements ?? [] {
      guard let kind = condition["type"].text.flatMap(PolicyCondition.Kind.init),
        let state = condition["status"].text.flatMap(PolicyCondition.Status.init)
      else { continue }
      conditions.append(
        PolicyCondition(kind, state, condition["reason"].text ?? "", condition["message"].text ?? ""))
    }
    observedGeneration = status["observedGeneration"].integer
    workload = status["workload"].text
    scaledObjectName = status["scaledObjectName"].text
    autoscalerName = status["autoscalerName"].text
    minReplicas = status["minReplicas"].integer
    lastForecastTime = status["lastForecastTime"].text
    if case .number(let load) = status["currentLoad"] { currentLoad = load }
    currentReplicas = status["currentReplicas"].integer
    desiredReplicas = status["desiredReplicas"].integer
  }

  /// The patch that turns the status of an object into this one: null removes a field, and the conditions of others stay.
  ///
  /// - Parameter transitions: since when each condition has its status.
  func patch(of status: JSONValue?, transitions: [PolicyCondition.Kind: String]) -> JSONValue {
    let foreign = (status?["conditions"].elements ?? []).filter { condition in
      condition["type"].text.map { PolicyCondition.Kind(rawValue: $0) == nil } ?? false
    }
    let own = conditions.map { condition -> JSONValue in
      var members: [String: JSONValue] = [
        "type": .string(condition.kind.rawValue), "status": .string(condition.status.rawValue),
        "reason": .string(condition.reason), "message": .string(condition.message),
        "lastTransitionTime": .string(transitions[condition.kind] ?? ""),
      ]
      if let observedGeneration { members["observedGeneration"] = .number(Double(observedGeneration)) }
      return .object(members)
    }
    func number(_ value: Int?) -> JSONValue { value.map { .number(Double($0)) } ?? .null }
    func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
    return .object([
      "conditions": .array(foreign + own), "observedGeneration": number(observedGeneration), "workload": text(workload),
      "scaledObjectName": text(scaledObjectName), "autoscalerName": text(autoscalerName),
      "minReplicas": number(minReplicas), "lastForecastTime": text(lastForecastTime),
      "currentLoad": currentLoad.map(JSONValue.number) ?? .null, "currentReplicas": number(currentReplicas),
      "desiredReplicas": number(desiredReplicas),
    ])
  }

  /// Since when each condition has its status, by the status of an object before this one.
  func transitions(from status: JSONValue?, at now: Date) -> [PolicyCondition.Kind: String] {
    let old = Dictionary(
      (status?["conditions"].elements ?? []).compactMap { condition in
        condition["type"].text.flatMap(PolicyCondition.Kind.init).map { ($0, condition) }
      }, uniquingKeysWith: { $1 })
    return Dictionary(
      uniqueKeysWithValues: conditions.map { condition in
        let before = old[condition.kind]
        let isUnchanged = before?["status"].text == condition.status.rawValue
        let time = isUnchanged ? before?["lastTransitionTime"].text : nil
        return (condition.kind, time ?? KubernetesTime.text(now))
      })
  }
}

/// Instants as Kubernetes' `date-time`: whole seconds in UTC.
enum KubernetesTime {
  static func text(_ instant: Date) -> String {
    Date(timeIntervalSince1970: instant.timeIntervalSince1970.rounded(.down)).formatted(.iso8601)
  }

  /// The same with six digits of a second, as Leases have it.
  static func micros(_ instant: Date) -> String {
    let whole = instant.timeIntervalSince1970.rounded(.down)
    let digits = String(Int((instant.timeIntervalSince1970 - whole) * 1_000_000))
    return "\(text(instant).dropLast()).\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)Z"
  }
}

extension PolicyStatus {
  /// The event about a condition that has become bad, is bad for another reason, or, of `Ready`, is good again; nil without such news.
  ///
  /// - Parameters:
  ///   - old: the status before.
  ///   - resource: the type of the object that the status belongs to.
  func event(
    of kind: PolicyCondition.Kind = .ready, since old: PolicyStatus, about resource: ResourceType,
    _ metadata: ObjectMetadata, at now: Date
  ) -> ObjectEvent? {
    guard let condition = condition(kind), condition.status != .unknown else { return nil }
    let before = old.condition(kind)
    let isBad = condition.status == .no
    let isNews = before?.status != condition.status || (isBad && before?.reason != condition.reason)
    guard isNews, isBad || (before?.status == .no && kind == .ready) else { return nil }
    return ObjectEvent(
      isBad ? .warning : .normal, about: resource, metadata, reason: condition.reason, message: condition.message,
      time: KubernetesTime.text(now))
  }
}

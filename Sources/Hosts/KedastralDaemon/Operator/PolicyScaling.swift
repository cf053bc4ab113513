import KedastralCore
import KedastralKubernetes
import KedastralSources

/// How a policy's plan scales its target: what its ScaledObject says.
struct PolicyScaling: Sendable, Equatable {
  /// How a plan reaches the target.
  enum Application: Sendable {
    /// By a ScaledObject that the operator creates.
    case scaledObject
    /// By the `minReplicas` of an autoscaler of the user.
    case minReplicas
    /// By a ScaledObject, or something else, of the user.
    case user
  }

  let application: Application
  let question: ScalingQuestion
  /// Whether the lead time is measured, so that it is the plan's, not the trigger's.
  let isLeadTimeMeasured: Bool
  let target: ScaleTarget

  /// Reads the fields of a policy that say how it scales.
  init(_ policy: ForecastPolicy) throws(PolicyTranslation.Problem) {
    guard let target = ScaleTarget(policy.spec["scaleTargetRef"], in: policy.key.namespace) else {
      throw PolicyTranslation.Problem(texts: ["spec.scaleTargetRef.name: is missing; name the object to scale"])
    }
    var text = policy.spec["leadTime"].text ?? Self.defaultLeadTime
    isLeadTimeMeasured = text == Self.measured
    // Until it has been measured.
    if isLeadTimeMeasured { text = Self.defaultLeadTime }
    guard let leadTime = try? DurationText.parse(text), leadTime >= .zero else {
      throw PolicyTranslation.Problem(texts: [
        "spec.leadTime: '\(Redaction.shown(text))' is not a duration such as 10m, or auto"
      ])
    }
    application =
      if policy.spec["apply"].text == "minReplicas" {
        .minReplicas
      } else {
        policy.spec["scaledObject"].text == "none" ? .user : .scaledObject
      }
    question = ScalingQuestion(
      leadTime: leadTime, mode: policy.spec["mode"].text.flatMap(ScalingQuestion.Mode.init) ?? .replicas,
      selection: policy.spec["select"].text.flatMap(ScalingQuestion.Selection.init) ?? .maximum)
    self.target = target
  }

  /// Whether the operator creates the ScaledObject.
  var isManaged: Bool { application == .scaledObject }

  /// The lead time of a policy that has none.
  static let defaultLeadTime = "10m"
  /// The lead time of a policy whose pods are measured.
  static let measured = "auto"

  /// The HPA's behavior where the policy has none. The plan limits growth and shrinkage itself, and it is never below what the
  /// next lead time requires: so a rise is followed at once, and a fall after one minute instead of five.
  static let defaultBehavior: JSONValue = [
    "scaleUp": [
      "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
      "policies": [
        ["type": "Percent", "value": 100, "periodSeconds": 15], ["type": "Pods", "value": 10, "periodSeconds": 15],
      ],
    ],
    "scaleDown": [
      "stabilizationWindowSeconds": 60, "selectPolicy": "Max",
      "policies": [["type": "Percent", "value": 100, "periodSeconds": 15]],
    ],
  ]

  /// How often the metric of its ScaledObject is requested.
  static func pollingInterval(_ policy: ForecastPolicy, minReplicas: Int) -> Duration {
    // With at least one replica the autoscaler requests it, every 15 seconds.
    minReplicas > 0 ? LeadTimeConfiguration.pollingInterval : .seconds(policy.spec["pollingInterval"].integer ?? 15)
  }

  /// Whether a ScaledObject is as it should be. A lead time that is left there would override the plan's.
  func matches(_ existing: JSONValue, _ wanted: JSONValue) -> Bool {
    guard existing.covers(wanted) else { return false }
    return !isLeadTimeMeasured
      || (existing["triggers"].elements ?? []).allSatisfy { $0["metadata"]["leadTime"] == .null }
  }

  /// The ScaledObject of a policy: the fields that the operator owns.
  func scaledObject(
    _ policy: ForecastPolicy, _ workload: WorkloadConfiguration, scalerAddress: String,
    _ authentication: TriggerAuthentication? = nil
  ) -> JSONValue {
    Self.scaledObject(
      of: ForecastPolicy.resource, policy.metadata,
      spec: spec(policy, workload, scalerAddress: scalerAddress, authentication))
  }

  /// A ScaledObject with the name of the object to which it belongs.
  static func scaledObject(of type: ResourceType, _ owner: ObjectMetadata, spec: JSONValue) -> JSONValue {
    .object([
      "apiVersion": .string(ScaledObject.resource.apiVersion), "kind": .string(ScaledObject.resource.kind),
      "metadata": [
        "name": .string(owner.key.name), "namespace": .string(owner.key.namespace),
        "labels": ["app.kubernetes.io/managed-by": "kedastral"],
        "ownerReferences": [
          [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "name": .string(owner.key.name),
            "uid": .string(owner.uid ?? ""), "controller": true,
          ]
        ],
      ],
      "spec": spec,
    ])
  }

  /// The trigger that asks the scaler.
  static func trigger(_ metadata: [String: JSONValue], _ authentication: TriggerAuthentication?) -> JSONValue {
    var metadata = metadata
    var trigger: [String: JSONValue] = ["type": "external", "metricType": "AverageValue"]
    if let authentication {
      metadata["enableTLS"] = "true"
      trigger["authenticationRef"] = [
        "name": .string(authentication.name), "kind": .string(authentication.kind.rawValue),
      ]
    }
    trigger["metadata"] = .object(metadata)
    return .object(trigger)
  }

  private func spec(
    _ policy: ForecastPolicy, _ workload: WorkloadConfiguration, scalerAddress: String,
    _ authentication: TriggerAuthentication?
  ) -> JSONValue {
    let limits = workload.policy
    var metadata: [String: JSONValue] = [
      "scalerAddress": .string(scalerAddress), "workload": .string(workload.name.text),
    ]
    if !isLeadTimeMeasured { metadata["leadTime"] = .string(DurationText.format(question.leadTime)) }
    if question.mode != .replicas { metadata["mode"] = .string(question.mode.rawValue) }
    if question.selection != .maximum { metadata["select"] = .string(question.selection.rawValue) }
    let behavior = policy.spec["behavior"].members.map(JSONValue.object) ?? Self.defaultBehavior
    var spec: [String: JSONValue] = [
      "scaleTargetRef": policy.spec["scaleTargetRef"],
      "minReplicaCount": .number(Double(limits.minReplicas)), "maxReplicaCount": .number(Double(limits.maxReplicas)),
      "advanced": ["horizontalPodAutoscalerConfig": ["behavior": behavior]],
      "triggers": [Self.trigger(metadata, authentication)],
    ]
    // With at least one replica the autoscaler requests the metric itself, and KEDA warns about an interval without effect.
    if limits.minReplicas == 0 {
      spec["pollingInterval"] = .number(Double(policy.spec["pollingInterval"].integer ?? 15))
    }
    let fallback = policy.spec["fallback"]
    if fallback["enabled"].bool != false {
      spec["fallback"] = [
        "failureThreshold": .number(Double(fallback["failureThreshold"].integer ?? 3)),
        "replicas": .number(Double(fallback["replicas"].integer ?? max(1, limits.minReplicas))),
        "behavior": .string(fallback["behavior"].text ?? "currentReplicasIfHigher"),
      ]
    }
    return .object(spec)
  }
}

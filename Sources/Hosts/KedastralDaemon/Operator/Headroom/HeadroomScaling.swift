import KedastralCore
import KedastralGRPC
import KedastralKubernetes
import KedastralSources

/// Placeholder pods that keep nodes ready for the pods of policies, and the Deployment that runs them.
struct HeadroomPolicy: KubernetesObject, Equatable {
  static let resource = ResourceType(
    group: "kedastral.io", version: "v1alpha1", plural: "headroompolicies", kind: "HeadroomPolicy")

  var metadata: ObjectMetadata
  var spec: JSONValue
  var status: JSONValue?
}

/// What the ScaledObject of a HeadroomPolicy says.
struct HeadroomScaling: Sendable, Equatable {
  let target: ScaleTarget
  /// The policies whose pods need room.
  let policies: [ObjectKey]
  private let metadata: [String: String]
  private let maxReplicas: Int

  /// Reads the fields of a HeadroomPolicy.
  ///
  /// - Throws: all that is wrong, as the scaler would refuse it.
  init(_ policy: HeadroomPolicy) throws(PolicyTranslation.Problem) {
    let spec = policy.spec
    var defects: [String] = []
    func text(_ value: JSONValue, _ field: String) -> String {
      if let text = value.text { return text }
      defects.append("\(field): is missing")
      return ""
    }
    func requests(_ value: JSONValue, _ field: String) -> String {
      let (cpu, memory) = (value["cpu"].text ?? "0", value["memory"].text ?? "0")
      if HeadroomQuestion.Requests("\(cpu)/\(memory)") == nil {
        let shown = Redaction.shown("\(cpu)/\(memory)")
        defects.append("\(field): '\(shown)' are not quantities of CPU and memory such as 500m and 512Mi")
      }
      return "\(cpu)/\(memory)"
    }
    var policies: [ObjectKey] = []
    var members: [String] = []
    for (index, member) in (spec["policies"].elements ?? []).enumerated() {
      let field = "spec.policies[\(index)]"
      let key = ObjectKey(
        namespace: member["namespace"].text ?? policy.key.namespace, name: text(member["name"], "\(field).name"))
      guard let workload = WorkloadName(policy: key) else {
        defects.append("\(field): namespace and name must not have more than 252 characters together")
        continue
      }
      policies.append(key)
      members.append("\(workload.text)=\(requests(member["requests"], "\(field).requests"))")
    }
    maxReplicas = spec["maxReplicas"].integer ?? 10
    metadata = [
      "headroom": text(spec["nodeStartup"], "spec.nodeStartup"), "workloads": members.joined(separator: ","),
      "placeholder": requests(spec["placeholder"], "spec.placeholder"),
    ]
    self.policies = policies
    guard let target = ScaleTarget(spec["scaleTargetRef"], in: policy.key.namespace) else {
      throw PolicyTranslation.Problem(
        texts: ["spec.scaleTargetRef.name: is missing; name the object with the placeholder pods"] + defects)
    }
    self.target = target
    if defects.isEmpty {
      var trigger = ScaledObjectReference.Metadata()
      for (key, value) in metadata { trigger.append(key, value) }
      do throws(GRPCStatus) {
        _ = try HeadroomQuestion(trigger)
      } catch {
        defects.append("spec: \(error.message)")
      }
    }
    guard defects.isEmpty else { throw PolicyTranslation.Problem(texts: defects) }
  }

  /// The ScaledObject: the fields that the operator owns.
  func scaledObject(
    _ policy: HeadroomPolicy, scalerAddress: String, _ authentication: TriggerAuthentication?
  ) -> JSONValue {
    var metadata = metadata.mapValues(JSONValue.string)
    metadata["scalerAddress"] = .string(scalerAddress)
    return PolicyScaling.scaledObject(
      of: HeadroomPolicy.resource, policy.metadata,
      spec: [
        "scaleTargetRef": policy.spec["scaleTargetRef"], "minReplicaCount": 0,
        "maxReplicaCount": .number(Double(maxReplicas)),
        // Placeholders that nothing needs any more go soon: their nodes cost money.
        "cooldownPeriod": 60, "triggers": [PolicyScaling.trigger(metadata, authentication)],
      ])
  }
}

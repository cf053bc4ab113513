import FoundationEssentials
import KedastralCore
import KedastralDaemon
import KedastralSources

/// The tools that read the ForecastPolicies of a cluster.
struct PolicyTools: Sendable {
  let reader: PolicyReader

  /// There is no such policy.
  struct UnknownPolicy: Error, CustomStringConvertible {
    let namespace: String
    let name: String

    var description: String {
      "there is no ForecastPolicy '\(name)' in the namespace '\(namespace)'; list_forecast_policies names all"
    }
  }

  var all: [MCPTool] { [list, get] }

  private var list: MCPTool {
    MCPTool(
      name: "list_forecast_policies", title: "List ForecastPolicies",
      help:
        "The ForecastPolicy objects of the cluster: what each scales, its workload (for the other tools), whether it is ready and why not, the load, and the replicas planned now and until the lead time.",
      parameters: [
        .init(name: "namespace", kind: .text, help: "only this namespace"),
        .init(name: "filter", kind: .text, help: "only policies whose name contains this"),
        .init(
          name: "ready", kind: .texts, help: "only policies whose condition Ready has one of these values",
          values: ["True", "False", "Unknown"]),
        .init(name: "limit", kind: .integer, help: "maximum number of policies (default 100)"),
      ]
    ) { [reader] arguments in
      var filter = PolicyReader.Filter()
      filter.namespace = arguments.text("namespace")
      filter.name = arguments.text("filter") ?? ""
      filter.ready = arguments.texts("ready")
      let found = try await reader.list(filter)
      let limit = max(1, Int(arguments.number("limit") ?? 100))
      return try Self.json(["count": .number(Double(found.count)), "policies": .array(Array(found.prefix(limit)))])
    }
  }

  private var get: MCPTool {
    MCPTool(
      name: "get_forecast_policy", title: "Get a ForecastPolicy",
      help: "One ForecastPolicy object: its fields, and its status with all conditions.",
      parameters: [
        .init(name: "namespace", kind: .text, help: "the policy's namespace", isRequired: true),
        .init(name: "name", kind: .text, help: "the policy's name", isRequired: true),
      ]
    ) { [reader] arguments in
      let (namespace, name) = (arguments.text("namespace") ?? "", arguments.text("name") ?? "")
      guard !namespace.isEmpty, !name.isEmpty, let policy = try await reader.policy(name, in: namespace) else {
        throw UnknownPolicy(namespace: namespace, name: name)
      }
      return try Self.json(policy)
    }
  }

  private static func json(_ value: JSONValue) throws -> [UInt8] { Array(try JSONEncoder.stable.encode(value)) }
}

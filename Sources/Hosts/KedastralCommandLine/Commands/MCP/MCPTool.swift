import KedastralCore
import KedastralDaemon
import KedastralHTTP
import KedastralSources

/// A tool for an assistant.
struct MCPTool: Sendable {
  /// An argument of a tool.
  struct Parameter: Sendable {
    enum Kind: String, Sendable {
      case text = "string"
      case number
      case integer
      case texts = "array"
    }

    let name: String
    let kind: Kind
    let help: String
    var isRequired = false
    /// The accepted values, when there are few.
    var values: [String] = []
  }

  let name: String
  let title: String
  let help: String
  let parameters: [Parameter]
  /// Runs the tool; the result is a JSON object.
  let run: @Sendable (MCPArguments) async throws -> [UInt8]

  /// Writes the tool's description for `tools/list`.
  func describe(to text: inout JSONText) {
    text.object {
      $0.member("name", name)
      $0.member("title", title)
      $0.member("description", help)
      $0.member("inputSchema") { $0.object(schema) }
      $0.member("annotations") {
        $0.object {
          $0.member("readOnlyHint", true)
          $0.member("destructiveHint", false)
          $0.member("idempotentHint", true)
          $0.member("openWorldHint", false)
        }
      }
    }
  }

  private func schema(_ text: inout JSONText) {
    text.member("type", "object")
    text.member("properties") {
      $0.object { properties in
        for parameter in parameters { properties.member(parameter.name) { $0.object(parameter.describe) } }
      }
    }
    text.member("required") { $0.array(parameters.filter(\.isRequired)) { $0.string($1.name) } }
    text.member("additionalProperties", false)
  }
}

extension MCPTool.Parameter {
  fileprivate func describe(to text: inout JSONText) {
    text.member("type", kind.rawValue)
    text.member("description", help)
    if kind == .texts {
      text.member("items") {
        $0.object {
          $0.member("type", "string")
          if !values.isEmpty { $0.member("enum") { $0.array(values) { $0.string($1) } } }
        }
      }
    } else if !values.isEmpty {
      text.member("enum") { $0.array(values) { $0.string($1) } }
    }
  }
}

/// The arguments of a tool call, validated against the tool's parameters.
struct MCPArguments: Sendable {
  /// What is wrong with an argument, and what is expected.
  struct Defect: Error, CustomStringConvertible { let description: String }

  private let values: [String: JSONValue]

  init(_ arguments: JSONValue, for tool: MCPTool) throws(Defect) {
    switch arguments {
    case .object(let members): values = members.filter { $0.value != .null }
    case .null: values = [:]
    default: throw Defect(description: "the arguments are not a JSON object")
    }
    for name in values.keys.sorted() where !tool.parameters.contains(where: { $0.name == name }) {
      let known = tool.parameters.map(\.name).joined(separator: ", ")
      throw Defect(description: "\(tool.name) has no argument '\(name)'; its arguments are \(known)")
    }
    for parameter in tool.parameters {
      guard let value = values[parameter.name] else {
        if parameter.isRequired { throw Defect(description: "the argument '\(parameter.name)' is missing") }
        continue
      }
      let fits =
        switch (parameter.kind, value) {
        case (.text, .string): true
        case (.number, .number): true
        case (.integer, .number(let number)): number == number.rounded() && number.magnitude < 1e9
        case (.texts, .array(let elements)): elements.allSatisfy { $0.text != nil }
        default: false
        }
      guard fits else {
        throw Defect(description: "the argument '\(parameter.name)' is not of type \(parameter.kind.rawValue)")
      }
      let words = value.elements?.compactMap(\.text) ?? [value.text].compactMap(\.self)
      if !parameter.values.isEmpty, let wrong = words.first(where: { !parameter.values.contains($0) }) {
        throw Defect(
          description:
            "'\(parameter.name)' cannot be '\(wrong)'; write one of \(parameter.values.joined(separator: ", "))")
      }
    }
  }

  func text(_ name: String) -> String? { values[name]?.text }

  func texts(_ name: String) -> [String] { values[name]?.elements?.compactMap(\.text) ?? [] }

  func number(_ name: String) -> Double? { if case .number(let number) = values[name] { number } else { nil } }

  /// The argument `workload`.
  func workload() throws -> WorkloadName { try WorkloadName(text("workload") ?? "") }
}

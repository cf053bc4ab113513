import KedastralCore
import KedastralDaemon

/// `kedastral explain`: explains the planned replicas of a workload.
enum ExplainCommand: Command {
  static let name = "explain"
  static let summary = "explain the planned replicas of a workload"

  static let syntax = CommandSyntax(
    about: """
      kedastral explain explains the planned replicas of a workload: the load, its forecast, the margin and the limits that
      applied. The explanation comes from a running forecaster, or from a scaler's HTTP address.
      """,
    usage: ["NAME… [options]"], maximumWords: .max, hasWorkloadNames: true,
    groups: [ServerInput.options, .init(title: "Output", options: [.output(["text", "json"]), .json])],
    examples: """
      kedastral explain api-app
      kedastral explain api-app --lead-time 10m -o json
      """)

  static func run(_ options: CommandOptions) async throws {
    let wantsJSON = options.wantsJSON
    let workloads = try options.workloads()
    guard !workloads.isEmpty else {
      throw UsageError(
        description: "the workload is missing; write kedastral explain NAME; kedastral get workloads lists the names")
    }
    let server = try ServerInput(options)
    for (index, workload) in workloads.enumerated() {
      let answer = try await server.forecaster.explanation(
        of: workload, leadTime: try options.duration("lead-time"), inWords: !wantsJSON)
      if index > 0, !wantsJSON { Program.show("") }
      var text = String(decoding: answer, as: UTF8.self)
      if text.last == "\n" { text.removeLast() }
      Program.show(text)
    }
  }
}

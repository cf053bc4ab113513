import KedastralCore
import KedastralDaemon

/// `kedastral explain`: explains the planned replicas of a workload.
enum ExplainCommand: Command {
  static let name = "explain"
  static let summary = "explain the planned replicas of a workload"

  static let help = """
    kedastral explain explains the planned replicas of a workload: the load, its forecast, the margin and the limits that
    applied. The explanation comes from a running forecaster, or from a scaler's HTTP address.

    Usage:
      kedastral explain NAME… [options]

    Server:
    \(ServerInput.help)

    Output:
      -o FORMAT             text (default) or json
      --json                the same as -o json

    Examples:
      kedastral explain api-app
      kedastral explain api-app --lead-time 10m -o json
    """

  static let options = ServerInput.options.merging(["o": .one, "json": .none]) { own, _ in own }
  static let choices = ["o": ["text", "json"]]

  static func run(_ arguments: [String]) async throws {
    let options = try CommandOptions(arguments, known: options)
    let words = options.rest.filter { !$0.hasPrefix("-") }
    try CommandOptions(options.rest.filter { $0.hasPrefix("-") }, known: [:]).refuseRest(
      among: Array(Self.options.keys))
    let wantsJSON = try options.words("o", among: ["text", "json"]).last == "json" || options.has("json")
    guard !words.isEmpty else {
      throw UsageError(
        description: "the workload is missing; write kedastral explain NAME; kedastral get workloads lists the names")
    }
    let server = try ServerInput(options)
    for (index, word) in words.enumerated() {
      let workload: WorkloadName
      do { workload = try WorkloadName(word) } catch { throw UsageError(description: error.description) }
      let answer = try await server.forecaster.explanation(
        of: workload, leadTime: try options.duration("lead-time"), inWords: !wantsJSON)
      if index > 0, !wantsJSON { Program.show("") }
      var text = String(decoding: answer, as: UTF8.self)
      if text.last == "\n" { text.removeLast() }
      Program.show(text)
    }
  }
}

import Glibc
import KedastralCore

/// The rolling-origin protocol over traces.
enum AccuracyCommand {
  private static let models: [String: any Model] = ["auto": AutoModel(), "baseline": SeasonalBaseline()]

  static func run(_ arguments: [String]) async throws {
    var arguments = arguments
    var chosen: [any Model] = []
    var files: [String] = []
    var json = false
    while !arguments.isEmpty {
      let argument = arguments.removeFirst()
      switch argument {
      case "--json": json = true
      case "--model":
        guard let name = arguments.first, let model = models[name] else {
          print("--model \(arguments.first ?? ""): expected one of \(models.keys.sorted().joined(separator: ", "))")
          exit(2)
        }
        arguments.removeFirst()
        chosen.append(model)
      default: files.append(argument)
      }
    }
    if chosen.isEmpty { chosen = [AutoModel()] }
    let report = try await AccuracyReport(models: chosen, files: files)
    print(json ? try report.json() : report.table())
  }
}

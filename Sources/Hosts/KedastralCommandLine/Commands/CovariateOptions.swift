import KedastralCore
import KedastralDaemon
import KedastralModels
import KedastralSources

/// Other series for the model `auto`, from files.
enum CovariateOptions {
  static let options: [CommandSyntax.Option] = [
    .init(
      "covariate", "NAME=FILE…",
      "other series that may tell how the load develops (timestamp,value), such as the load of an upstream service"),
    .init(
      "schedule", "NAME=FILE…",
      "the same for values that are known ahead: time,value, each valid until the next time, or iCalendar (.ics)"),
  ]

  /// The covariates that the options name.
  ///
  /// - Parameter timeZone: the zone of local times in schedules.
  static func covariates(_ options: CommandOptions, timeZone: String) throws -> [Covariate] {
    var covariates: [Covariate] = []
    for text in options.values("covariate") {
      let (name, path) = try parts(text, "covariate")
      covariates.append(Covariate(name: name, values: .recorded(try TraceFile(path: path).series)))
    }
    for text in options.values("schedule") {
      let (name, path) = try parts(text, "schedule")
      let schedule = try CovariateSchedule(file: path, in: try TimeZoneRules(named: timeZone))
      covariates.append(Covariate(name: name, values: .planned(schedule)))
    }
    for (index, covariate) in covariates.enumerated()
    where covariates[..<index].contains(where: { $0.name == covariate.name }) {
      throw UsageError(description: "two covariates are called \(covariate.name); give each a name of its own")
    }
    guard covariates.count <= Covariate.most else {
      throw UsageError(description: "\(covariates.count) covariates are more than \(Covariate.most)")
    }
    return covariates
  }

  private static func parts(_ text: String, _ option: String) throws(UsageError) -> (name: String, path: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
      throw UsageError(description: "--\(option) '\(text)' is not NAME=FILE; write one such as frontend=frontend.csv")
    }
    return (parts[0], parts[1])
  }
}

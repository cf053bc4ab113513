import KedastralCore
import KedastralModels

/// Reads a workload's covariates.
struct CovariateReader {
  let problems: ProblemList
  /// The source of the workload, as it is written and as it was read.
  let section: SourceSection?
  let source: SourceConfiguration
  /// The zone of local times in schedules.
  let zone: String

  /// The covariates of a list.
  func read(_ sections: [Section<CovariateSection>]) -> [CovariateConfiguration] {
    var covariates: [CovariateConfiguration] = []
    for section in sections {
      guard let covariate = read(section) else { continue }
      if covariates.contains(where: { $0.name == covariate.name }) {
        problems.add(section.origin, "two covariates are called '\(covariate.name)'; give each a name of its own")
      }
      covariates.append(covariate)
    }
    if covariates.count > Covariate.most, let last = sections.last {
      problems.add(last.origin, "a workload has at most \(Covariate.most) covariates; remove those that help least")
    }
    return covariates
  }

  private func read(_ section: Section<CovariateSection>) -> CovariateConfiguration? {
    let own = section.content
    guard let name = own.name, !name.value.isEmpty, name.value.utf8.count <= 100 else {
      problems.add(
        own.name?.origin ?? section.origin, "a covariate needs a name of at most 100 characters; give one as 'name'")
      return nil
    }
    let given = [own.query?.origin, own.source?.origin, own.schedule?.origin].compactMap(\.self)
    guard given.count == 1 else {
      problems.add(
        given.dropFirst().first ?? section.origin,
        "the covariate '\(name.value)' needs one of 'query' (of the workload's source), 'source' and 'schedule'")
      return nil
    }
    let values: CovariateConfiguration.Values? =
      if let query = own.query {
        self.query(query).map { .source($0) }
      } else if let source = own.source {
        self.source(source).map { .source($0) }
      } else if let path = own.schedule {
        schedule(path)
      } else {
        nil
      }
    return values.map { CovariateConfiguration(name: name.value, values: $0) }
  }

  /// Another query to the workload's server.
  private func query(_ query: Located<String>) -> SourceConfiguration? {
    guard case .prometheus(var settings) = source else {
      problems.add(
        query.origin,
        "the query of a covariate is sent to the workload's Prometheus, and its source is none; write 'source' instead")
      return nil
    }
    settings.query = query.value
    settings.series = nil
    return .prometheus(settings)
  }

  private func source(_ own: Section<SourceSection>) -> SourceConfiguration? {
    let shared = section?.withoutMeasured
    // Flags describe the workload's own source.
    let given = GivenSettings(host: .forecaster, arguments: [], environment: [:], problems: problems)
    let kind = own.content.type?.value ?? shared?.type?.value ?? .prometheus
    guard CovariateConfiguration.kinds.contains(kind) else {
      let names = CovariateConfiguration.kinds.map(\.rawValue).joined(separator: ", ")
      problems.add(
        own.content.type?.origin ?? own.origin,
        "a covariate needs a source that has its past, and \(kind.rawValue) has none; use one of \(names)")
      return nil
    }
    return SourceReader(
      given: given, section: own.content.inheriting(from: shared), workloadOrigin: own.origin, problems: problems
    ).read()
  }

  private func schedule(_ path: Located<String>) -> CovariateConfiguration.Values? {
    // An unknown zone is reported with the workload.
    guard let zone = try? TimeZoneRules(named: zone) else { return nil }
    do throws(CovariateFileError) {
      return .schedule(path: path.value, try CovariateSchedule(file: path.value, in: zone))
    } catch {
      problems.add(path.origin, error.description)
      return nil
    }
  }
}

/// A schedule that cannot be read.
package struct CovariateFileError: Error, CustomStringConvertible {
  package let description: String
}

extension CovariateSchedule {
  /// Reads a file of `time,value`, or one in iCalendar's format whose name ends in `.ics`.
  ///
  /// - Parameter zone: the zone of local times.
  package init(file path: String, in zone: TimeZoneRules) throws(CovariateFileError) {
    let text: String
    do throws(TextFile.ReadError) { text = try TextFile.read(path) } catch {
      throw CovariateFileError(description: "cannot read '\(path)': \(error)")
    }
    guard path.lowercased().hasSuffix(".ics") else {
      do throws(ParseError) { try self.init(csv: text, in: zone) } catch {
        throw CovariateFileError(description: "\(path), \(error)")
      }
      return
    }
    do throws(ICalendar.ParseError) {
      self.init(events: try ICalendar.events(text, likeness: .own), in: zone)
    } catch {
      throw CovariateFileError(description: "\(path), \(error)")
    }
  }
}

extension WorkloadReader {
  /// The covariates of a workload: its own ones, or those of the defaults.
  func readCovariates(
    _ own: WorkloadSection?, source: SourceConfiguration, _ section: SourceSection?, model: ModelConfiguration,
    zone: String
  ) -> [CovariateConfiguration] {
    guard let sections = own?.covariates ?? defaults?.covariates, let first = sections.first else { return [] }
    guard model.name == "auto" else {
      // The defaults are also those of workloads with other models.
      if own?.covariates != nil {
        problems.add(
          first.origin, "only the model auto uses covariates, and the workload has \(model.name); remove one of them")
      }
      return []
    }
    return CovariateReader(problems: problems, section: section, source: source, zone: zone).read(sections)
  }
}

import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension HTTPRouter {
  /// Adds `/explain`: why a workload is to have this many replicas now, as JSON, or in words with `format=text` or
  /// `Accept: text/plain`.
  ///
  /// - Parameters:
  ///   - leadTime: the one that counts unless the request or the plan gives one.
  ///   - staleAfter: the age from which plans are not served, if that is known.
  ///   - records: the inputs of plans; without them only the snapshot is explained.
  mutating func addExplanation(
    _ plans: any SnapshotLookup, leadTime: Duration, staleAfter: Duration?, records: (any PlanRecords)?
  ) {
    get("/explain") { [unowned plans] request in
      plans.answer(request) { snapshot in
        let now = plans.now
        let lead: Duration
        do { lead = try request.query.leadTime ?? snapshot.leadTime(orElse: leadTime) } catch {
          return .now(.failure(400, "\(error)"))
        }
        let wantsText = request.query["format"].map { $0 == "text" } ?? request.prefersText
        let problem = plans.problem(of: snapshot.workload)
        let state = plans.state(of: snapshot.workload)
        return .later {
          var explanation: PlanExplanation
          if let record = await records?.record(of: snapshot) {
            explanation = PlanExplanation(record, leadTime: lead, staleAfter: staleAfter, problem: problem, at: now)
          } else {
            explanation = PlanExplanation(snapshot, leadTime: lead, staleAfter: staleAfter, problem: problem, at: now)
          }
          explanation.state = state
          if wantsText {
            return HTTPResponse(type: "text/plain; charset=utf-8", body: Array((explanation.text + "\n").utf8))
          }
          do {
            return .json(Array(try explanation.json()))
          } catch {
            return .failure(500, "the explanation of '\(snapshot.workload)' cannot be encoded: \(error)")
          }
        }
      }
    }
  }

  /// Adds `/whatif`: the plan that the present forecast would lead to under other settings. Nothing is changed by it.
  ///
  /// It answers `{"plan":…,"explanation":…,"inForce":…}`: a snapshot as it would be, and the explanations of that and of
  /// the plan in force, the latter at the plan's lead time, or the host's.
  mutating func addWhatIf(_ plans: any SnapshotLookup, leadTime: Duration, records: any PlanRecords) {
    get("/whatif") { [unowned plans] request in
      plans.answer(request) { snapshot in
        let now = plans.now
        let change: CapacityChange
        let lead: Duration
        do {
          change = try CapacityChange(request.query)
          lead = try request.query.leadTime ?? snapshot.leadTime(orElse: leadTime)
        } catch { return .now(.failure(400, "\(error)")) }
        return .later {
          guard let record = await records.record(of: snapshot) else {
            return .failure(
              409,
              "this process does not compute the plan of workload '\(snapshot.workload)'; request it from the forecaster that does"
            )
          }
          if case .quantile(let level) = change.margin, record.snapshot.quantiles[level] == nil {
            let levels = record.snapshot.quantiles.paths.map { $0.level.shortText }.joined(separator: ", ")
            return .failure(
              400, "the forecast has no quantile \(level.shortText); it has \(levels.isEmpty ? "none" : levels)")
          }
          if change.margin?.weighsDistribution == true,
            !record.basis.metrics.allSatisfy({ ShortageCost.canWeigh($0.forecast) })
          {
            return .failure(
              400, "the forecast has too few quantiles for a shortage cost or an objective; at least three are required"
            )
          }
          do {
            guard let changed = try record.whatIf(change) else {
              return .failure(409, "the capacity policy of workload '\(snapshot.workload)' has no settings to change")
            }
            return try .whatIf(
              PlanExplanation(changed, leadTime: lead, at: now), of: changed.snapshot,
              insteadOf: PlanExplanation(record, leadTime: snapshot.leadTime(orElse: leadTime), at: now))
          } catch {
            return .failure(400, "\(error)")
          }
        }
      }
    }
  }
}

extension HTTPResponse {
  fileprivate static func whatIf(
    _ explanation: PlanExplanation, of plan: Snapshot, insteadOf inForce: PlanExplanation
  ) throws -> HTTPResponse {
    var body = Array(#"{"plan":"#.utf8)
    body += try plan.json()
    body += Array(#","explanation":"#.utf8)
    body += try explanation.json()
    body += Array(#","inForce":"#.utf8)
    body += try inForce.json()
    return .json(body + [UInt8(ascii: "}")])
  }
}

extension HTTPRequest {
  /// Whether the client would rather have words than JSON.
  fileprivate var prefersText: Bool { accept?.hasPrefix("text/plain") == true }
}

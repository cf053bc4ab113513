import KedastralCore

extension HTTPRouter {
  /// Adds `/scorecard`: what a workload's plan was worth beside an HPA (without windows, when another process forecasts it), and without `workload` the same of all workloads that this
  /// process forecasts, with their total; `view=total` returns only the total.
  mutating func addScorecards(_ board: ForecastBoard, _ scorecards: Scorecards) {
    get("/scorecard") { [unowned board] request in
      guard request.query["workload"] == nil else {
        return board.answer(request) { snapshot in
          let report =
            scorecards.report(of: snapshot.workload)
            ?? ScorecardReport(of: snapshot.workload, isDryRun: snapshot.isDryRun, scorecards.settings)
          return .now(.scorecard { Array(try report.json()) })
        }
      }
      let view = request.query["view"]
      guard view == nil || view == "total" else {
        return .now(.failure(400, "'view' is '\(view?.prefix(40) ?? "")', expected total"))
      }
      return .later { .scorecard { Array(try ScorecardSummary(scorecards.all, isTotalOnly: view != nil).json()) } }
    }
  }
}

extension HTTPResponse {
  fileprivate static func scorecard(_ encoded: () throws -> [UInt8]) -> HTTPResponse {
    do { return .json(try encoded()) } catch {
      return .failure(500, "the scorecard cannot be encoded: \(error)")
    }
  }
}

import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension HTTPRouter {
  /// Adds the forecaster's API: `/forecast/current`, `/workloads` and `/history`, and with `texts` `/configuration` and
  /// `/scaledobject`.
  mutating func addForecasts(
    _ board: ForecastBoard, history: (any LoadHistory)?, texts: (any ConfigurationTexts)?
  ) {
    get("/forecast/current") { request in
      board.answer(request) { snapshot in
        do {
          let response = HTTPResponse.json(try board.document(of: snapshot))
          return .now(board.isStale(snapshot) ? response.with("X-Kedastral-Stale", "true") : response)
        } catch {
          return .now(.failure(500, "the snapshot of '\(snapshot.workload)' cannot be encoded: \(error)"))
        }
      }
    }
    get("/workloads") { _ in
      var text = JSONText()
      text.object {
        $0.member("workloads") { $0.array(board.names) { $0.string($1) } }
        $0.member("now", Timestamp.format(board.now))
        $0.member("states") { $0.array(board.overview().rows) { text, row in text.object(row.writeState) } }
      }
      return .now(.json(text.bytes))
    }
    get("/history") { request in
      let points = request.query["points"] ?? "240"
      guard let count = Int(points), (1...HistoryDocument.maximumPoints).contains(count) else {
        let problem = "'points' is '\(points.prefix(40))', expected 1 to \(HistoryDocument.maximumPoints)"
        return .now(.failure(400, problem))
      }
      return board.answer(request) { snapshot in
        let trail = board.trail(of: snapshot.workload.text)
        let forecasts = board.forecasts(of: snapshot.workload.text)
        let events = board.events(of: snapshot.workload)
        return .later {
          let load = await history?.history(of: snapshot.workload)?.suffix(count)
          let real = await history?.realPods(of: snapshot.workload)
          return .json(
            HistoryDocument(
              workload: snapshot.workload, load: load, trail: trail, forecasts: forecasts, real: real,
              events: events
            ).json)
        }
      }
    }
    guard let texts else { return }
    addText("/configuration", board) { texts.configurationFile(of: $0, $1) }
    addText("/scaledobject", board) { texts.scaledObject(of: $0, $1) }
  }

  /// Adds a YAML text about a workload, as tuned by the request's parameters.
  private mutating func addText(
    _ path: String, _ board: ForecastBoard, _ text: @escaping (WorkloadName, PlanTuning) -> String?
  ) {
    get(path) { request in
      board.answer(request) { snapshot in
        do {
          let tuning = try PlanTuning(request.query)
          guard let text = text(snapshot.workload, tuning) else {
            return .now(.failure(404, "workload '\(snapshot.workload)' is not configured on this host"))
          }
          return .now(HTTPResponse(type: "application/yaml; charset=utf-8", body: Array(text.utf8)))
        } catch {
          return .now(.failure(400, "\(error)"))
        }
      }
    }
  }
}

extension ForecastBoard: SnapshotLookup {}

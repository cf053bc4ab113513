import Foundation
import KedastralCore
import KedastralNet
import TestSupport
import Testing

@testable import KedastralSources

@Suite("Remote model")
struct RemoteModelTests {
  /// Forecasts what a constant says, and needs no history.
  private struct Constant: Model {
    let name = "constant"
    func forecast(_ history: TimeSeries, steps: Int, quantiles: [Double]) throws -> Forecast {
      Forecast(
        start: history.end, step: history.step, values: Array(repeating: 7, count: steps), model: name,
        reason: "why not")
    }
  }

  private let history = TimeSeries(
    start: Date(timeIntervalSince1970: 1_767_225_600), step: .seconds(60), values: [1, .nan, 2.5])

  private func forecast(
    _ answer: FaultServer.Answer, path: String = "", fallback: (any Model)? = nil, quantiles: [Double] = [0.5, 0.9],
    deadline: Duration = .seconds(30), logger: KedastralLogger = .silent
  ) async throws -> (forecast: Forecast, request: FaultServer.Request?, url: String) {
    let loop = try EventLoop()
    let server = try await FaultServer(on: loop) { _ in answer }
    let result: Result<Forecast, any Error> = await Result {
      try await withClient { client in
        let endpoint = HTTPEndpoint(server.url + path, deadline: deadline)
        let model = RemoteModel(endpoint: endpoint, fallback: fallback, client: client, logger: logger)
        var session = model.makeSession()
        return try await session.forecast(history, steps: 3, quantiles: quantiles)
      }
    }
    let request = server.requests.first
    try await server.stop()
    await loop.stop()
    return (try result.get(), request, server.url)
  }

  @Test("the request follows the contract, whether the URL ends in /predict or not", arguments: ["", "/", "/predict"])
  func question(path: String) async throws {
    let outcome = try await forecast(.json(#"{"metric": "m", "values": [1, 2, 3]}"#), path: path)
    #expect(outcome.request?.line == "POST /predict HTTP/1.1")
    #expect(outcome.request?.headers["content-type"] == "application/json")
    #expect(
      outcome.request?.body
        == #"{"now":"2026-01-01T00:02:00Z","horizonSeconds":180,"stepSeconds":60,"features":[{"ts":"2026-01-01T00:00:00Z","value":1},{"ts":"2026-01-01T00:02:00Z","value":2.5}]}"#
    )
    #expect(outcome.forecast.values == [1, 2, 3])
    #expect(outcome.forecast.start == history.end)
    #expect(outcome.forecast.model == "byom")
    #expect(outcome.forecast.reason == nil)
  }

  @Test("the request has the zone of the days and the calendar's events, where there are some")
  func zoneAndEvents() {
    let event = RemoteModel.Event(
      name: "a \"sale\"", start: Date(timeIntervalSince1970: 1_767_225_600),
      end: Date(timeIntervalSince1970: 1_767_229_200))
    let body = RemoteModelMessage.question(history, steps: 3, timeZone: "Europe/Berlin", events: [event])
    #expect(
      String(decoding: body, as: UTF8.self).contains(
        #""stepSeconds":60,"timeZone":"Europe/Berlin","events":[{"name":"a \"sale\"","start":"2026-01-01T00:00:00Z","end":"2026-01-01T01:00:00Z"}],"features":[{"#
      ))
  }

  @Test("uses the requested quantiles, sorted at each step; values below zero become zero")
  func quantiles() async throws {
    let body = #"{"values": [1, -2, 3], "quantiles": {"0.90": [5, 1, 7], "0.5": [1, 2, -3], "0.99": [9, 9, 9]}}"#
    let forecast = try await forecast(.json(body)).forecast
    #expect(forecast.values == [1, 0, 3])
    #expect(forecast.quantiles.paths.map(\.level) == [0.5, 0.9])
    #expect(forecast.quantiles[0.5] == [1, 1, 0])
    #expect(forecast.quantiles[0.9] == [5, 2, 7])
    #expect(forecast.defect == nil)
  }

  @Test(
    "rejects a response that cannot be used for a plan",
    arguments: [
      ("garbage", "the response is not JSON: expected a number at byte 0"),
      ("{}", "the response has no array \"values\""),
      (#"{"values": [1, 2]}"#, "values: expected 3 numbers, one per step, got 2"),
      (#"{"values": [1, 2, "NaN"]}"#, "values: the value of step 2 is not a finite number"),
      (#"{"values": [1, 2, 1e999]}"#, "values: the value of step 2 is not a finite number"),
      (
        #"{"values": [1, 2, 3], "quantiles": {"0.9": [1]}}"#,
        "quantile 0.9: expected 3 numbers, one per step, got 1"
      ),
      (
        #"{"values": [1, 2, 3], "quantiles": {"p90": [1, 2, 3]}}"#,
        "the quantile level 'p90' is not between 0 and 1; write for instance \"0.9\""
      ),
      (#"{"values": [1, 2, 3], "quantiles": 5}"#, "\"quantiles\" is not an object of arrays, such as {\"0.9\": […]}"),
    ])
  func refused(body: String, problem: String) async throws {
    let error = await #expect(throws: ModelError.self) { try await forecast(.json(body)) }
    #expect(error?.description.hasSuffix("/predict: forecast of 3 steps: \(problem)") == true, "\(error as Any)")
  }

  @Test("the fallback forecasts when the service fails or is too slow, and the reason and the log say so")
  func fallback() async throws {
    let failures: [(FaultServer.Answer, Duration, String)] = [
      (.json(#"{"error": "not trained"}"#, status: 503), .seconds(30), "HTTP 503: not trained"),
      (.silence, .seconds(2), "no response within 2s (waiting for the response)"),
    ]
    for (answer, deadline, problem) in failures {
      let lines = LogLines()
      let outcome = try await forecast(answer, fallback: Constant(), deadline: deadline, logger: KedastralLogger(lines))
      #expect(outcome.forecast.values == [7, 7, 7])
      #expect(outcome.forecast.model == "constant")
      #expect(
        outcome.forecast.reason
          == "the remote model failed; constant was used instead (POST \(outcome.url)/predict: forecast of 3 steps: \(problem)); why not"
      )
      #expect(lines.texts.count == 1)
    }
  }

  @Test("without a fallback, a failure is an error")
  func noFallback() async throws {
    let error = await #expect(throws: ModelError.self) { try await forecast(.json("oops", status: 500)) }
    #expect(error?.description.hasSuffix("/predict: forecast of 3 steps: HTTP 500: oops") == true)
  }

  @Test("it cannot forecast without a session or without history")
  func misuse() async throws {
    try await withClient { client in
      let model = RemoteModel(endpoint: HTTPEndpoint("http://127.0.0.1:1"), fallback: Constant(), client: client)
      let error = #expect(throws: ModelError.self) { try model.forecast(history, steps: 3, quantiles: []) }
      #expect(error?.description.contains("makeSession") == true)
      var session = model.makeSession()
      let empty = TimeSeries(start: history.start, step: history.step, values: [.nan])
      await #expect(throws: ModelError.notEnoughHistory(needed: 1, present: 0)) {
        try await session.forecast(empty, steps: 3, quantiles: [])
      }
    }
  }
}

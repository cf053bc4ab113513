import Foundation
import KedastralCore
import KedastralModels
import KedastralNet
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralSources

@Suite("The past of a source without one")
struct BootstrappedSourceTests {
  private let end = Date(timeIntervalSince1970: 1_800_000_000)
  private let minute = Duration.seconds(60)
  private let window = Duration.seconds(600)

  /// A source that has the newest two minutes.
  private struct Young: IdentifiedSource {
    let end: Date
    var loadIdentity: String { "young" }

    func samples(in range: Range<Date>, step: Duration) async throws -> TimeSeries {
      TimeSeries.sampled(in: range, step: step) { $0 > end - step * 2 ? 100 : .nan }
    }
  }

  private func csv(minutes: Range<Int>) -> String {
    minutes.map { "\(Int(end.timeIntervalSince1970) + $0 * 60),\($0 + 1_000)" }.joined(separator: "\n")
  }

  private func withSource(
    _ location: BootstrappedSource.Location, _ body: (BootstrappedSource) async throws -> Void
  ) async throws {
    try await withClient { client in
      try await body(
        BootstrappedSource(
          Young(end: end), from: location, window: window, client: client, clock: ManualClock(at: end)))
    }
  }

  private func range(minutes: Int) -> Range<Date> { (end - minute * (minutes - 1))..<(end + .seconds(30)) }

  @Test("completes the first window from a file, and measured samples take precedence")
  func file() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(csv(minutes: -5..<1), to: "past.csv")
    try await withSource(.file(path)) { source in
      #expect(source.loadIdentity == "young")
      let series = try await source.samples(in: range(minutes: 10), step: minute)
      #expect(series.values.map { $0.isNaN ? -1 : $0 } == [-1, -1, -1, -1, 995, 996, 997, 998, 100, 100])
    }
  }

  @Test("does not read the file when less than the window is requested, because there is a history")
  func once() async throws {
    try await withSource(.file("/nowhere/past.csv")) { source in
      let series = try await source.samples(in: range(minutes: 9), step: minute)
      #expect(series.values.suffix(2) == [100, 100])
      let error = await #expect(throws: SourceError.self) {
        try await source.samples(in: range(minutes: 10), step: minute)
      }
      #expect(error?.description == "/nowhere/past.csv: bootstrap: \(Self.missing)")
    }
  }

  private static let missing = "no such file"

  @Test("a file without a sample in the window is an error that names its span")
  func old() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(csv(minutes: -500 ..< -400), to: "past.csv")
    try await withSource(.file(path)) { source in
      let error = await #expect(throws: SourceError.self) {
        try await source.samples(in: range(minutes: 10), step: minute)
      }
      #expect(
        error?.problem
          == "no sample in the last 10m; the file has 2027-01-14T23:40:00Z to 2027-01-15T01:19:00Z")
    }
  }

  @Test("reads a URL, and its error names the line without the URL's password")
  func url() async throws {
    let loop = try EventLoop()
    let text = csv(minutes: -5..<1)
    let server = try await FaultServer(on: loop) { request in
      request.line.contains("/bad") ? .json("a,b\n1,2\nx,y\n") : .json(text)
    }
    try await withSource(.url(HTTPEndpoint(server.url + "/past.csv"))) { source in
      let series = try await source.samples(in: range(minutes: 10), step: minute)
      #expect(series.values.suffix(3) == [998, 100, 100])
    }
    let secret = server.url.replacingOccurrences(of: "//", with: "//me:hunter2@")
    try await withSource(.url(HTTPEndpoint(secret + "/bad.csv"))) { source in
      let error = await #expect(throws: SourceError.self) {
        try await source.samples(in: range(minutes: 10), step: minute)
      }
      let text = try #require(error?.description)
      #expect(text.contains("bootstrap: line ") && !text.contains("hunter2"), "\(text)")
    }
    try await server.stop()
    await loop.stop()
  }
}

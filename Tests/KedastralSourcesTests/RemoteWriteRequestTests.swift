import Testing

@testable import KedastralSources

@Suite("Requests of remote write that are sent")
struct RemoteWriteRequestTests {
  @Test("a request contains the labels in order and the samples, as a receiver reads them")
  func body() throws {
    let series = [
      RemoteWriteRequest.Series(
        "load", labels: ["workload": "api", "level": ""],
        samples: [.init(instant: 1_800_000_000_000, value: 12.5), .init(instant: 1_800_000_060_000, value: -0.0)]),
      RemoteWriteRequest.Series("load", labels: ["workload": "api", "level": "0.9"], samples: []),
      RemoteWriteRequest.Series("pods", labels: [:], samples: [.init(instant: -1, value: .infinity)]),
    ]
    #expect(series[1].labels.map(\.name) == ["__name__", "level", "workload"])
    let message = try Snappy.decompress(RemoteWriteRequest.body(series), limit: 1000)
    let batch = try RemoteWriteMessage.batch(message, limit: 10) { _ in true }
    #expect(batch.points.map(\.metric) == ["load", "load", "pods"])
    #expect(batch.points.map(\.attributes) == [["workload": "api"], ["workload": "api"], [:]])
    #expect(batch.points.map(\.instant) == [1_800_000_000, 1_800_000_060, -0.001])
    #expect(batch.points.map(\.value) == [12.5, 0, .infinity])
  }

  @Test("long and empty bodies survive compression")
  func compression() throws {
    for bytes in [[], [7], (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }] as [[UInt8]] {
      #expect(try Snappy.decompress(Snappy.compress(bytes), limit: 200_000) == bytes)
    }
  }
}

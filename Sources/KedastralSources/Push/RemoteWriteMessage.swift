import CExternalScaler

/// Requests of Prometheus's remote write 1.0: a protobuf message, compressed with snappy.
package enum RemoteWriteMessage {
  /// The bit pattern of the NaN that ends a series.
  private static let staleMarker: UInt64 = 0x7ff0_0000_0000_0002

  /// The points of a request. A sample's meaning is decided where it is used: it is a level here.
  ///
  /// - Parameters:
  ///   - limit: the number of samples that it may have.
  ///   - isWanted: whether a workload selects a metric.
  /// - Throws: ``PushRefusal`` for bytes that are not such a message, and for one that is too large.
  // Pointers live as long as the call that makes them.
  package static func batch(
    _ bytes: [UInt8], limit: Int, isWanted: (String) -> Bool
  ) throws(PushRefusal) -> PushBatch {
    var batch = PushBatch(limit: limit)
    try UnpackedMessage.read(bytes, as: "WriteRequest") { allocator, count, data in
      remotewrite__write_request__unpack(allocator, count, data)
    } free: { message, allocator in
      remotewrite__write_request__free_unpacked(message, allocator)
    } body: { (message: Remotewrite__WriteRequest) throws(PushRefusal) in
      for index in 0..<message.n_timeseries {
        guard let series = message.timeseries[index]?.pointee else { continue }
        try add(series, to: &batch, isWanted: isWanted)
      }
    }
    return batch
  }

  private static func add(
    _ series: Remotewrite__TimeSeries, to batch: inout PushBatch, isWanted: (String) -> Bool
  ) throws(PushRefusal) {
    var name = ""
    for index in 0..<series.n_labels {
      guard let label = series.labels[index]?.pointee, try UnpackedMessage.text(label.name) == "__name__" else {
        continue
      }
      name = try UnpackedMessage.text(label.value)
      break
    }
    guard isWanted(name) else { return try batch.skip(series.n_samples + series.n_histograms) }
    try batch.reject(series.n_histograms, .kind)
    guard series.n_samples > 0 else { return }
    var labels: [String: String] = [:]
    for index in 0..<series.n_labels {
      guard let label = series.labels[index]?.pointee else { continue }
      labels[try UnpackedMessage.text(label.name)] = try UnpackedMessage.text(label.value)
    }
    labels["__name__"] = nil
    for index in 0..<series.n_samples {
      guard let sample = series.samples[index]?.pointee else { continue }
      let isEnd = sample.value.bitPattern == staleMarker
      try batch.add(
        PushedPoint(
          metric: name, attributes: labels, instant: Double(sample.timestamp) / 1000, value: isEnd ? 0 : sample.value,
          meaning: isEnd ? .end : .level))
    }
  }
}

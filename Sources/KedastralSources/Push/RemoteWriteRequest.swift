/// A request of Prometheus's remote write 1.0, as a sender writes it.
package enum RemoteWriteRequest {
  /// A value at an instant.
  package struct Sample: Sendable, Equatable {
    /// In milliseconds since 1970.
    package var instant: Int64
    package var value: Double

    /// Creates a sample.
    package init(instant: Int64, value: Double) {
      self.instant = instant
      self.value = value
    }
  }

  /// Samples with the same labels.
  package struct Series: Sendable, Equatable {
    /// Sorted by name; the metric's name is `__name__`.
    package let labels: [(name: String, value: String)]
    /// In ascending order of time.
    package var samples: [Sample]

    /// - Parameter labels: the labels beside the metric's name; empty ones are left out, as receivers demand.
    package init(_ metric: String, labels: [String: String], samples: [Sample]) {
      self.labels = ([("__name__", metric)] + labels.filter { !$0.value.isEmpty }.map { ($0.key, $0.value) })
        .sorted { $0.0 < $1.0 }.map { (name: $0.0, value: $0.1) }
      self.samples = samples
    }

    package static func == (left: Series, right: Series) -> Bool {
      left.samples == right.samples
        && left.labels.elementsEqual(right.labels) { $0.name == $1.name && $0.value == $1.value }
    }
  }

  /// The headers of a request.
  package static let headers = [
    HTTPHeader("Content-Encoding", "snappy"), HTTPHeader("Content-Type", "application/x-protobuf"),
    HTTPHeader("X-Prometheus-Remote-Write-Version", "0.1.0"),
  ]

  /// The body of a request: the message `WriteRequest`, compressed with snappy.
  package static func body(_ series: [Series]) -> [UInt8] { Snappy.compress(message(series)) }

  /// The message before compression.
  static func message(_ series: [Series]) -> [UInt8] {
    var request: [UInt8] = []
    for one in series {
      var body: [UInt8] = []
      for label in one.labels {
        var pair: [UInt8] = []
        pair.appendField(1, Array(label.name.utf8))
        pair.appendField(2, Array(label.value.utf8))
        body.appendField(1, pair)
      }
      for sample in one.samples {
        // Field 1 has 64 fixed bits, and field 2 is a variable-length integer.
        var point: [UInt8] = [0x09]
        point += withUnsafeBytes(of: sample.value.bitPattern.littleEndian, Array.init)
        point.append(0x10)
        point.appendVariable(UInt64(bitPattern: sample.instant))
        body.appendField(2, point)
      }
      request.appendField(1, body)
    }
    return request
  }
}

extension [UInt8] {
  /// A field with a length: a text or a message.
  fileprivate mutating func appendField(_ number: UInt8, _ content: [UInt8]) {
    append(number << 3 | 2)
    appendVariable(UInt64(content.count))
    self += content
  }

  /// Seven bits in each byte, the lowest ones first.
  fileprivate mutating func appendVariable(_ number: UInt64) {
    var rest = number
    while rest > 0x7F {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }
}

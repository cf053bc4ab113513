/// What gRPC clients may take; all positive.
package struct GRPCLimitsConfiguration: Sendable, Equatable {
  /// GRPC connections open at once.
  package var connections = 16384
  /// Calls open at once on a connection.
  package var streams = 16384
  /// Size of one gRPC message.
  package var messageBytes = 4194304
  /// Size of a call's headers.
  package var headerBytes = 16384
  /// Bytes of unfinished requests on a connection.
  package var bufferedBytes = 16777216
  /// Time for TLS handshake and HTTP/2 preface.
  package var handshakeTimeout: Duration = .seconds(10)
  /// Time that a call has to arrive whole.
  package var requestTimeout: Duration = .seconds(30)
  /// Time that an answer may wait for a slow reader.
  package var writeTimeout: Duration = .seconds(30)
  /// Time that a connection may stay without any call.
  package var idleTimeout: Duration = .seconds(3600)
  /// Silence after which a connection is probed.
  package var keepAliveInterval: Duration = .seconds(60)
  /// Time that a probe has to be answered.
  package var keepAliveTimeout: Duration = .seconds(20)
  /// Age, plus or minus 10 %, at which a client is asked to reconnect, so that load spreads over replicas.
  package var connectionAge: Duration = .seconds(3600)
  /// Time that calls in flight have to end then.
  package var connectionAgeGrace: Duration = .seconds(10)
  /// Calls that a client may cancel in a burst.
  package var resetBurst = 1000
  /// Calls that a client may cancel a second in the long run.
  package var resetsPerSecond = 100
  /// Frames without use (pings, settings, empty data) in a burst.
  package var idleFrameBurst = 2000
  /// Frames without use a second in the long run.
  package var idleFramesPerSecond = 200
}

/// What HTTP clients may take; all positive.
package struct HTTPLimitsConfiguration: Sendable, Equatable {
  /// HTTP connections open at once.
  package var connections = 1024
  /// Size of a request's line and headers.
  package var headerBytes = 16384
  /// Time that a request has to arrive, TLS handshake included.
  package var requestTimeout: Duration = .seconds(10)
  /// Time that a connection may wait for its next request.
  package var idleTimeout: Duration = .seconds(60)
  /// Time that an answer may wait for a slow reader.
  package var writeTimeout: Duration = .seconds(30)
}

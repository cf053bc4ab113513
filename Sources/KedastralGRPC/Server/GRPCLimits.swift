/// Limits of a server for each client; requests above a limit are refused without affecting other clients.
package struct GRPCLimits: Sendable, Equatable {
  /// Connections open at once, over all loops.
  package var connections = 16_384
  /// Calls open at once on a connection. KEDA keeps one stream for every push trigger on a single connection, so this limit is
  /// large.
  package var callsPerConnection = 16_384
  /// The size of one request or response message, in bytes.
  package var messageBytes = 4 << 20
  /// The size of a call's headers, counted as HTTP/2 does (32 bytes for each field in addition to its text).
  package var headerBytes = 16 << 10
  /// Request bytes of unfinished messages that a connection may have buffered.
  package var bufferedBytesPerConnection = 16 << 20
  /// Output that waits for a slow reader before the connection's input is read no further, in bytes.
  package var pendingOutputBytes = 256 << 10
  /// The time a new connection has for its TLS handshake and HTTP/2 preface.
  package var handshakeTimeout: Duration = .seconds(10)
  /// The time a request has to arrive, from its first header to its last byte.
  package var requestTimeout: Duration = .seconds(30)
  /// The time that output may wait without moving, and that an answer may wait for the client's flow-control window.
  package var writeTimeout: Duration = .seconds(30)
  /// The silence after which a connection is probed with a ping.
  package var keepAliveInterval: Duration = .seconds(60)
  /// The time a ping has to be answered.
  package var keepAliveTimeout: Duration = .seconds(20)
  /// The time a connection may stay without any call.
  package var idleTimeout: Duration = .seconds(3600)
  /// The age, plus or minus 10 %, at which a client is asked to reconnect, so that clients spread over replicas.
  package var connectionAge: Duration = .seconds(3600)
  /// The time for open calls to end after the client was asked to reconnect.
  package var connectionAgeGrace: Duration = .seconds(10)
  /// Calls that a client may cancel in a burst.
  package var resetBurst = 1000
  /// Calls that a client may cancel a second, in the long run.
  package var resetsPerSecond = 100
  /// Frames without use (pings, settings, empty data, window updates, invalid frames) in a burst; every answered call pays for two.
  package var idleFrameBurst = 2000
  /// Frames without use a second, in the long run.
  package var idleFramesPerSecond = 200

  /// The seed's limits.
  package init() {}
}

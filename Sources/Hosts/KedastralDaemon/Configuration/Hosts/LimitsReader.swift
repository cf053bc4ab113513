import KedastralCore

/// Reads the limits of the servers.
struct LimitsReader {
  let given: GivenSettings
  let problems: ProblemList

  func grpc(_ section: GRPCLimitsSection?) -> GRPCLimitsConfiguration? {
    guard let connections = count(Settings.grpcConnections, section?.connections),
      let streams = count(Settings.grpcStreams, section?.streams),
      let messageBytes = count(Settings.grpcMessageBytes, section?.messageBytes),
      let headerBytes = count(Settings.grpcHeaderBytes, section?.headerBytes),
      let bufferedBytes = count(Settings.grpcBufferedBytes, section?.bufferedBytes),
      let handshakeTimeout = time(Settings.grpcHandshakeTimeout, section?.handshakeTimeout),
      let requestTimeout = time(Settings.grpcRequestTimeout, section?.requestTimeout),
      let writeTimeout = time(Settings.grpcWriteTimeout, section?.writeTimeout),
      let idleTimeout = time(Settings.grpcIdleTimeout, section?.idleTimeout),
      let keepAliveInterval = time(Settings.grpcKeepAliveInterval, section?.keepAliveInterval),
      let keepAliveTimeout = time(Settings.grpcKeepAliveTimeout, section?.keepAliveTimeout),
      let connectionAge = time(Settings.grpcConnectionAge, section?.connectionAge),
      let connectionAgeGrace = time(Settings.grpcConnectionAgeGrace, section?.connectionAgeGrace),
      let resetBurst = count(Settings.grpcResetBurst, section?.resetBurst),
      let resetsPerSecond = count(Settings.grpcResetsPerSecond, section?.resetsPerSecond),
      let idleFrameBurst = count(Settings.grpcIdleFrameBurst, section?.idleFrameBurst),
      let idleFramesPerSecond = count(Settings.grpcIdleFramesPerSecond, section?.idleFramesPerSecond)
    else { return nil }
    return GRPCLimitsConfiguration(
      connections: connections, streams: streams, messageBytes: messageBytes, headerBytes: headerBytes,
      bufferedBytes: bufferedBytes, handshakeTimeout: handshakeTimeout, requestTimeout: requestTimeout,
      writeTimeout: writeTimeout, idleTimeout: idleTimeout, keepAliveInterval: keepAliveInterval,
      keepAliveTimeout: keepAliveTimeout, connectionAge: connectionAge, connectionAgeGrace: connectionAgeGrace,
      resetBurst: resetBurst, resetsPerSecond: resetsPerSecond, idleFrameBurst: idleFrameBurst,
      idleFramesPerSecond: idleFramesPerSecond)
  }

  func http(_ section: HTTPLimitsSection?) -> HTTPLimitsConfiguration? {
    guard let connections = count(Settings.httpConnections, section?.connections),
      let headerBytes = count(Settings.httpHeaderBytes, section?.headerBytes),
      let requestTimeout = time(Settings.httpRequestTimeout, section?.requestTimeout),
      let idleTimeout = time(Settings.httpIdleTimeout, section?.idleTimeout),
      let writeTimeout = time(Settings.httpWriteTimeout, section?.writeTimeout)
    else { return nil }
    return HTTPLimitsConfiguration(
      connections: connections, headerBytes: headerBytes, requestTimeout: requestTimeout, idleTimeout: idleTimeout,
      writeTimeout: writeTimeout)
  }

  private func count(_ setting: Setting<Int>, _ fromFile: Located<Int>?) -> Int? {
    guard let found = given.value(setting, fromFile) else { return nil }
    if found.value <= 0 { problems.add(found.origin, "the limit \(found.value) is not positive; write 1 or more") }
    return found.value
  }

  private func time(_ setting: Setting<Duration>, _ fromFile: Located<Duration>?) -> Duration? {
    guard let found = given.value(setting, fromFile) else { return nil }
    if found.value <= .zero {
      problems.add(
        found.origin, "the time \(DurationText.format(found.value)) is not positive; write one such as 30s")
    }
    return found.value
  }
}

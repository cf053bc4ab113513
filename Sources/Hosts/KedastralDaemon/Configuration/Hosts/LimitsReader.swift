import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralSources

/// Reads the limits of the servers.
struct LimitsReader {
  let given: GivenSettings
  let problems: ProblemList

  func grpc(_ section: GRPCLimitsSection?) -> GRPCLimits {
    var limits = GRPCLimits()
    read(Settings.grpcConnections, section?.connections, into: &limits.connections)
    read(Settings.grpcStreams, section?.streams, into: &limits.callsPerConnection)
    read(Settings.grpcMessageBytes, section?.messageBytes, into: &limits.messageBytes)
    read(Settings.grpcHeaderBytes, section?.headerBytes, into: &limits.headerBytes)
    read(Settings.grpcBufferedBytes, section?.bufferedBytes, into: &limits.bufferedBytesPerConnection)
    read(Settings.grpcHandshakeTimeout, section?.handshakeTimeout, into: &limits.handshakeTimeout)
    read(Settings.grpcRequestTimeout, section?.requestTimeout, into: &limits.requestTimeout)
    read(Settings.grpcWriteTimeout, section?.writeTimeout, into: &limits.writeTimeout)
    read(Settings.grpcIdleTimeout, section?.idleTimeout, into: &limits.idleTimeout)
    read(Settings.grpcKeepAliveInterval, section?.keepAliveInterval, into: &limits.keepAliveInterval)
    read(Settings.grpcKeepAliveTimeout, section?.keepAliveTimeout, into: &limits.keepAliveTimeout)
    read(Settings.grpcConnectionAge, section?.connectionAge, into: &limits.connectionAge)
    read(Settings.grpcConnectionAgeGrace, section?.connectionAgeGrace, into: &limits.connectionAgeGrace)
    read(Settings.grpcResetBurst, section?.resetBurst, into: &limits.resetBurst)
    read(Settings.grpcResetsPerSecond, section?.resetsPerSecond, into: &limits.resetsPerSecond)
    read(Settings.grpcIdleFrameBurst, section?.idleFrameBurst, into: &limits.idleFrameBurst)
    read(Settings.grpcIdleFramesPerSecond, section?.idleFramesPerSecond, into: &limits.idleFramesPerSecond)
    return limits
  }

  func http(_ section: HTTPLimitsSection?) -> HTTPLimits {
    var limits = HTTPLimits()
    read(Settings.httpConnections, section?.connections, into: &limits.connections)
    read(Settings.httpHeaderBytes, section?.headerBytes, into: &limits.headerBytes)
    read(Settings.httpRequestTimeout, section?.requestTimeout, into: &limits.requestTimeout)
    read(Settings.httpIdleTimeout, section?.idleTimeout, into: &limits.idleTimeout)
    read(Settings.httpWriteTimeout, section?.writeTimeout, into: &limits.writeTimeout)
    return limits
  }

  func push(_ section: PushLimitsSection?) -> PushLimits {
    var limits = PushLimits()
    read(Settings.pushBodyBytes, section?.bodyBytes, into: &limits.bodyBytes)
    read(Settings.pushPoints, section?.points, into: &limits.points)
    return limits
  }

  private func read(_ setting: Setting<Int>, _ fromFile: Located<Int>?, into limit: inout Int) {
    guard let found = given.value(setting, fromFile) else { return }
    if found.value <= 0 { problems.add(found.origin, "the limit \(found.value) is not positive; write 1 or more") }
    limit = found.value
  }

  private func read(_ setting: Setting<Duration>, _ fromFile: Located<Duration>?, into limit: inout Duration) {
    guard let found = given.value(setting, fromFile) else { return }
    if found.value <= .zero {
      problems.add(
        found.origin, "the time \(DurationText.format(found.value)) is not positive; write one such as 30s")
    }
    limit = found.value
  }
}

import KedastralNet

extension ListenAddress: SettingValue {
  static var placeholder: String { "HOST:PORT" }

  init(settingText: String) throws(SettingValueError) {
    do throws(ParseError) { try self.init(settingText) } catch {
      throw SettingValueError(
        wrong: "is not a host and port", right: "write one such as :8081, 127.0.0.1:8081 or [::1]:8081")
    }
  }
}

extension RemoteAddress: SettingValue {
  static var placeholder: String { "HOST:PORT" }

  init(settingText: String) throws(SettingValueError) {
    if settingText.hasPrefix("/") {
      self = .unixSocket(path: settingText)
    } else if let address = try? ListenAddress(settingText), !address.host.isEmpty, address.port > 0 {
      self = .network(host: address.host, port: address.port)
    } else {
      throw SettingValueError(
        wrong: "is neither a host and port nor a socket's path",
        right: "write one such as redis:6379 or /run/redis.sock")
    }
  }
}

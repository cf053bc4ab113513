import KedastralRedisStore

extension RedisURL: SettingValue {
  static var placeholder: String { "URL" }
  static var isSecret: Bool { true }

  init(settingText: String) throws(SettingValueError) {
    let isComplete = !settingText.hasSuffix("://") && settingText.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    let problem: String
    do throws(ParseError) {
      self = try RedisURL(settingText)
      if isComplete { return }
      problem = "it is incomplete or has spaces"
    } catch { problem = error.problem }
    throw SettingValueError(
      wrong: "is not a Redis URL: \(problem)",
      right: "write one such as redis://redis:6379/0 or rediss://user:password@redis:6380")
  }
}

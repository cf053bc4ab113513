import KedastralCore
import KedastralNet

extension RedisConfiguration {
  /// Invalid settings.
  package struct InvalidSetting: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package let problem: String
    package var description: String { "Redis: \(problem)" }
  }

  /// Validates the settings, and loads the TLS files once so that an invalid one is reported at the start.
  func check() throws {
    try validate()
    if let tls { _ = try TLSContext(.client, files: tls.files) }
  }

  /// Checks that the settings are in range and consistent; files are not read.
  package func validate() throws(InvalidSetting) {
    func demand(_ condition: Bool, _ problem: String) throws(InvalidSetting) {
      if !condition { throw InvalidSetting(problem: problem) }
    }
    try demand(timeToLive >= .seconds(1), "the time to live must be a second or more")
    try demand(callDeadline > .zero && connectDeadline > .zero, "deadlines must be positive")
    try demand(sweepInterval > .zero && pollInterval > .zero, "the sweep and poll intervals must be positive")
    try demand(maximumValueBytes > 0, "the largest value must have bytes")
    try demand(database >= 0, "a database number is 0 or more")
    switch deployment {
    case .single(let server):
      if case .unixSocket = server {
        try demand(tls == nil, "a Unix socket has no TLS; leave it out, or give host and port")
      }
    case .sentinel(let master, let sentinels):
      try demand(!master.isEmpty, "the sentinels must be asked for a master by name")
      try demand(!sentinels.isEmpty, "a sentinel's address is needed")
    case .cluster(let nodes):
      try demand(!nodes.isEmpty, "the address of a node of the cluster is needed")
      try demand(database == 0, "a cluster has database 0 alone, not \(database)")
    }
  }

  /// The prefixes of all keys that are read, our own first.
  var readPrefixes: [String] { [keyPrefix] + alsoReadPrefixes.filter { $0 != keyPrefix } }

  /// The channel that announces changes. Channels are not separated by database, so the database number is part of the
  /// name.
  var channel: String { "\(keyPrefix)updates:\(database)" }
}

extension RedisConfiguration.Deployment: CustomStringConvertible {
  package var description: String {
    switch self {
    case .single(let server): "redis \(server)"
    case .sentinel(let master, _): "redis master '\(master)'"
    case .cluster(let nodes): "redis cluster \(nodes.map(\.description).joined(separator: ","))"
    }
  }
}

import KedastralCore
import KedastralDaemon
import KedastralGRPC
import KedastralNet

/// The parsed command line of `kedastral query`: address, calls, and options.
struct Query {
  /// Which calls are made.
  enum What: String, CaseIterable {
    case all
    case isActive = "isactive"
    case metricSpec = "getmetricspec"
    case metrics = "getmetrics"
    case activeStream = "streamisactive"
    case specStream = "streammetricspec"

    /// Whether the scaler keeps responding, once for each change.
    var isStream: Bool { self == .activeStream || self == .specStream }
  }

  let connection: GRPCClient.Configuration
  let what: What
  let object: ScaledObjectReference
  let timeout: Duration
  let isWatching: Bool
  let interval: Duration
  let wantsJSON: Bool

  /// Reads the options after `query`.
  init(_ options: CommandOptions) throws(UsageError) {
    let words = options.words
    guard let address = words.first else {
      throw UsageError(description: "no address; expected the scaler's, such as localhost:50051")
    }
    what = try words.dropFirst().first.map(Self.what) ?? .all
    connection = try Self.connection(address, options)
    object = try Self.object(address, options)
    timeout = try options.positiveDuration("timeout") ?? .seconds(5)
    isWatching = options.has("watch")
    try options.check("interval", belongsTo: "watch")
    interval = try options.positiveDuration("interval") ?? .seconds(15)
    wantsJSON = options.wantsJSON
  }

  private static func what(_ word: String) throws(UsageError) -> What {
    if let what = What(rawValue: word.lowercased()) { return what }
    let known = What.allCases.map(\.rawValue)
    let near = Suggestion.nearest(to: word, among: known).map { "did you mean \($0)?" }
    throw UsageError(description: "unknown call '\(word)'; \(near ?? "choose one of \(known.joined(separator: ", "))")")
  }

  private static func connection(_ text: String, _ options: CommandOptions) throws(UsageError)
    -> GRPCClient.Configuration
  {
    var tls: TLSContext.Files?
    let files = TLSContext.Files(
      certificate: options.value("tls-cert-file"), key: options.value("tls-key-file"),
      authorities: options.value("tls-ca-file"))
    if (files.certificate == nil) != (files.key == nil) {
      throw UsageError(description: "--tls-cert-file and --tls-key-file need each other")
    }
    if options.has("tls") || options.has("tls-server-name") || files != TLSContext.Files() { tls = files }
    return GRPCClient.Configuration(
      try address(text), tls: tls, serverName: options.value("tls-server-name"))
  }

  private static func address(_ text: String) throws(UsageError) -> RemoteAddress {
    if text.hasPrefix("unix:"), text.count > 5 { return .unixSocket(path: String(text.dropFirst(5))) }
    guard let address = try? ListenAddress(text), address.port > 0 else {
      throw UsageError(
        description:
          "'\(text)' is not an address; write host:port, such as localhost:50051 or [::1]:50051, or unix:PATH")
    }
    return .network(host: address.host.isEmpty ? "localhost" : address.host, port: address.port)
  }

  private static func object(_ address: String, _ options: CommandOptions) throws(UsageError) -> ScaledObjectReference {
    // KEDA passes every key of the trigger, and a trigger always has this one.
    var metadata: ScaledObjectReference.Metadata = ["scalerAddress": address]
    for text in options.values("metadata") {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        throw UsageError(description: "\(options.typed("metadata")) '\(text)' is not KEY=VALUE")
      }
      metadata.append(String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
    if let workload = options.value("workload") { metadata.append("workload", workload) }
    // Validated here, but passed as written.
    if let leadTime = options.value("lead-time"), try options.duration("lead-time") != nil {
      metadata.append("leadTime", leadTime)
    }
    if let mode = options.list("mode").last { metadata.append("mode", mode) }
    guard let name = options.value("name") ?? metadata["workload"] else {
      throw UsageError(description: "no workload; write --workload NAME, or a ScaledObject's --name NAME")
    }
    return ScaledObjectReference(
      name: name, namespace: options.value("namespace") ?? "default", metadata: metadata)
  }
}

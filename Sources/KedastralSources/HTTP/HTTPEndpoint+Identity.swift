extension HTTPEndpoint {
  /// What responses depend on: the URL, and the headers, one of which can select a tenant. Credentials are left out, because they change
  /// without changing the load.
  var identity: String {
    let credentials: Set = ["authorization", "proxy-authorization", "cookie"]
    let kept = headers.filter { !credentials.contains($0.name.lowercased()) }
    return ([url] + kept.map { "\($0.name): \($0.value)" }).joined(separator: "\n")
  }
}

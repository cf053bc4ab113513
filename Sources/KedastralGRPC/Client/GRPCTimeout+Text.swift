extension GRPCTimeout {
  /// The header's value for a time that is left: in the finest unit that eight digits hold, rounded up, at least 1 µs.
  static func text(_ time: Duration) -> String {
    let (seconds, attoseconds) = time.components
    let units: [(name: String, perSecond: Int64)] = [("u", 1_000_000), ("m", 1000), ("S", 1)]
    for (name, perSecond) in units where seconds < 99_999_999 / perSecond {
      let size = 1_000_000_000_000_000_000 / perSecond
      return "\(max(1, seconds * perSecond + (attoseconds + size - 1) / size))\(name)"
    }
    return seconds < 99_999_999 * 60 ? "\(seconds / 60 + 1)M" : "99999999H"
  }
}

/// What a state stream tells, and what the unary method of the same kind answers.
enum ScalerState: Equatable {
  /// Whether the workload is active.
  case active(Bool)
  /// The metric and its target.
  case metric(name: String, target: Double)

  /// Appends the encoded response.
  func append(to output: inout [UInt8]) {
    switch self {
    case .active(let isActive): ExternalScalerCodec.append(isActive: isActive, to: &output)
    case .metric(let name, let target): ExternalScalerCodec.append(metric: name, target: target, to: &output)
    }
  }
}

import Glibc

/// One kind of input that is fuzzed.
///
/// A run fails by a trap, by what AddressSanitizer finds, by `demand`, or by taking longer than libFuzzer's time limit.
enum FuzzTarget: String, CaseIterable {
  case models, http2, protobuf, http, redis, prometheus, yaml, csv, snapshot, history, kubernetes, rawmetrics, otlp,
    remotewrite, externalmetrics

  /// The target that the environment names.
  static let chosen: FuzzTarget = {
    let name = getenv("KEDASTRAL_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      let names = allCases.map(\.rawValue).joined(separator: ", ")
      say("KEDASTRAL_FUZZ_TARGET is '\(name)'; choose one of \(names)")
      exit(2)
    }
    return target
  }()

  /// Takes one input.
  func run(_ bytes: [UInt8]) {
    switch self {
    case .models: fuzzModels(bytes)
    case .http2: HTTP2Fuzzer.shared.run(bytes)
    case .protobuf: fuzzProtobuf(bytes)
    case .http: fuzzHTTP(bytes)
    case .redis: fuzzRedis(bytes)
    case .prometheus: fuzzPrometheus(bytes)
    case .yaml: fuzzYAML(bytes)
    case .csv: fuzzCSV(bytes)
    case .snapshot: fuzzSnapshot(bytes)
    case .history: fuzzHistory(bytes)
    case .kubernetes: fuzzKubernetes(bytes)
    case .rawmetrics: fuzzRawMetrics(bytes)
    case .otlp: fuzzOTLP(bytes)
    case .remotewrite: fuzzRemoteWrite(bytes)
    case .externalmetrics: fuzzExternalMetrics(bytes)
    }
  }
}

/// libFuzzer's way in.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: data, count: count)))
  return 0
}

/// libFuzzer's own `main`, under the name that the package manager gives the program's.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ argc: UnsafeMutablePointer<CInt>, _ argv: UnsafeMutableRawPointer,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@_cdecl("kedastral_fuzz_main")
public func fuzzMain(_ argc: CInt, _ argv: UnsafeMutableRawPointer) -> CInt {
  var argc = argc
  var argv = argv
  return withUnsafeMutablePointer(to: &argv) { runDriver(&argc, $0, testOneInput) }
}

/// Ends the run with a finding unless `condition` holds.
func demand(_ condition: Bool, _ problem: @autoclosure () -> String) {
  guard !condition else { return }
  say("finding: \(problem())")
  abort()
}

private func say(_ text: String) {
  let line = Array("\(text)\n".utf8)
  _ = write(STDERR_FILENO, line, line.count)
}

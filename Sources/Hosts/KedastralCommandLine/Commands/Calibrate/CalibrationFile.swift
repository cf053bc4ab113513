import FoundationEssentials
import KedastralDaemon
import KedastralHTTP

/// The result of `kedastral calibrate -o json`, as `kedastral check` compares it with a configuration.
struct CalibrationFile: Decodable {
  var workload: String?
  var low: Double
  var high: Double

  /// Reads a file.
  ///
  /// - Throws: UsageError when it cannot be read, or is not such a result.
  init(_ path: String) throws(UsageError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path)))
    } catch is DecodingError {
      throw UsageError(description: "--calibration \(path) is not the output of kedastral calibrate -o json")
    } catch {
      throw UsageError(description: "--calibration \(path) cannot be read")
    }
  }

  /// Adds a remark to the workload when its target is outside of the interval.
  ///
  /// - Throws: UsageError when it is not clear which workload was measured.
  func compare(with workloads: inout [CheckedWorkload]) throws(UsageError) {
    guard !workloads.isEmpty else { return }
    let index = workloads.count == 1 && workload == nil ? 0 : workloads.firstIndex { $0.name == workload }
    guard let index else {
      throw UsageError(
        description: workload.map { "the configuration has no workload '\($0)', which was calibrated" }
          ?? "the configuration has several workloads; write kedastral calibrate --workload NAME")
    }
    let target = workloads[index].targetPerPod
    guard target < low || target > high else { return }
    workloads[index].remarks.append(
      "warning: targetPerPod is \(target.shortText), outside of the measured \(low.threeDigits) … \(high.threeDigits)")
  }
}

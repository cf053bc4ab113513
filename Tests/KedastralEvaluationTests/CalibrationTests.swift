import Foundation
import TestSupport
import Testing

@testable import KedastralEvaluation

@Suite("Calibration of a pod's capacity", .numeric)
struct CalibrationTests {
  private static let start = Date(timeIntervalSince1970: 1_767_571_200)

  /// Samples each ten minutes: the load per pod goes up and down between 10 and 40 each day; `figure` is the saturation.
  private func samples(
    days: Int = 14, _ figure: (_ load: Double, _ day: Double, _ noise: Double) -> Double
  ) -> [CapacityCalibration.Sample] {
    var generator = SyntheticLoad.Generator(seed: 4)
    return (0..<days * 144).map { index in
      let load = 25 - 15 * cos(2 * .pi * Double(index) / 144) + generator.noise()
      return .init(
        instant: Self.start.addingTimeInterval(Double(index) * 600), loadPerPod: load,
        figure: figure(load, Double(index) / 144, generator.noise()))
    }
  }

  private func refusal(
    _ samples: [CapacityCalibration.Sample], _ measure: CapacityCalibration.Measure = .share(wanted: 0.7)
  ) -> CapacityCalibration.Refusal? {
    do throws(CapacityCalibration.Refusal) {
      _ = try CapacityCalibration(samples, measure: measure)
      return nil
    } catch {
      return error
    }
  }

  @Test("a line goes through the middle of its points, and three wrong ones of ten do not move it by much")
  func line() throws {
    let exact = try #require(RobustLine([(1, 3), (2, 5), (4, 9)]))
    #expect(exact.slope == 2 && exact.intercept == 1)
    #expect(exact.x(at: 7) == 3 && exact.y(at: 0) == 1)
    var points = (0..<10).map { (x: Double($0), y: 1 + 2 * Double($0)) }
    for index in [2, 9] { points[index] = (points[index].x + 50, 0) }
    let robust = try #require(RobustLine(points))
    #expect(robust.slope == 2 && robust.intercept == 1)
    #expect(RobustLine([(1, 1), (1, 2)]) == nil)
    #expect(RobustLine([]) == nil)
  }

  @Test("the capacity at the wanted CPU share is found within its interval, in spite of outliers")
  func share() throws {
    // 10 % without load and 1.5 % per unit of it: 40 at 70 %.
    let found = try CapacityCalibration(
      samples { load, day, noise in
        day > 5 && day < 5.5 ? 0.95 : 0.1 + 0.015 * load + 0.02 * noise
      }, measure: .share(wanted: 0.7))
    // Values of their own, since an expectation that fails prints all of an instance.
    let (capacity, interval, count, isExtrapolated) = (
      found.capacity, found.interval, found.samples.count, found.isExtrapolated
    )
    #expect(abs(capacity - 40) < 1)
    #expect(interval.contains(40) && interval.upperBound - interval.lowerBound < 4)
    #expect(count == 2016 && !isExtrapolated)
  }

  @Test("the same samples give the same interval")
  func deterministic() throws {
    let samples = samples { load, _, noise in 0.02 * load + 0.03 * noise }
    let first = try CapacityCalibration(samples, measure: .share(wanted: 0.7)).interval
    #expect(try CapacityCalibration(samples, measure: .share(wanted: 0.7)).interval == first)
  }

  @Test("the capacity at a wanted latency follows the latency of a queue")
  func latency() throws {
    // 50 ms without load, infinite at 80: 100 ms at half of that.
    let found = try CapacityCalibration(
      samples { load, _, noise in 0.05 / (1 - load / 80) * (1 + 0.05 * noise) }, measure: .latency(wanted: 0.1))
    let (capacity, interval) = (found.capacity, found.interval)
    #expect(abs(capacity - 40) < 1 && interval.contains(40))
    let refused = refusal(samples { load, _, _ in 0.05 / (1 - load / 80) }, .latency(wanted: 0.04))
    guard case .belowIdle(let idle) = refused else { return #expect(Bool(false), "\(String(describing: refused))") }
    #expect(abs(idle - 0.05) < 1e-6)
  }

  @Test("pods that were never above 30 % are refused")
  func idle() {
    let refused = refusal(samples { load, _, _ in 0.005 * load })
    guard case .neverBusy(let peak) = refused else { return #expect(Bool(false), "\(String(describing: refused))") }
    #expect(peak < 0.25)
    // A latency that hardly grows says that the pods are far from their limit.
    let flat = refusal(samples { load, _, _ in 0.05 / (1 - load / 800) }, .latency(wanted: 0.1))
    guard case .neverBusy(let share) = flat else { return #expect(Bool(false), "\(String(describing: flat))") }
    #expect(share < 0.06)
  }

  @Test("a deploy that changes the cost of a request is found at its time")
  func deploy() throws {
    let refused = refusal(
      samples { load, day, noise in (day < 9 ? 0.016 : 0.021) * load + 0.01 * noise })
    guard case .changed(let instant, let before, let after) = refused else {
      return #expect(Bool(false), "\(String(describing: refused))")
    }
    #expect(abs(instant.timeIntervalSince(Self.start) - 9 * 86_400) <= 6 * 3600)
    #expect(abs(before - 0.7 / 0.016) < 2 && abs(after - 0.7 / 0.021) < 2)
  }

  @Test("a noisy saturation, one that does not follow the load, and too few samples are refused")
  func unclear() {
    if case .tooFew(let count, let days) = refusal(Array(samples { load, _, _ in 0.02 * load }.prefix(99))) {
      #expect(count == 99 && days < 1)
    } else {
      Issue.record("99 samples were accepted")
    }
    #expect(refusal([]) == .tooFew(samples: 0, days: 0))
    #expect(refusal(samples { load, _, _ in 0.9 - 0.01 * load }) == .unrelated)
    let noisy = refusal(samples { load, _, noise in 0.5 + 0.0005 * load + 0.1 * noise })
    switch noisy {
    case .tooWide, .unrelated: break
    default: Issue.record("\(String(describing: noisy))")
    }
  }

  @Test("the target for each pod has three digits and is rounded down")
  func rounding() throws {
    func target(_ scale: Double) throws -> Double {
      let scaled = samples { load, _, _ in 0.0173 * load }.map { sample in
        var sample = sample
        sample.loadPerPod *= scale
        return sample
      }
      return try CapacityCalibration(scaled, measure: .share(wanted: 0.7)).targetPerPod
    }
    #expect(try target(1) == 40.4)
    #expect(try target(1000) == 40400)
    #expect(try target(0.01) == 0.404)
  }
}

import Foundation
import KedastralTesting
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Samples of a tracker")
struct LoadTrailTests {
  private let units = LoadUnits(centre: 400, scale: 90)

  /// A daily wave with noise; every hundredth sample is missing.
  private func load(_ count: Int) -> [Double] {
    var generator = SeededGenerator(seed: 11)
    return (0..<count).map { step in
      let noise = Double.random(in: -40...40, using: &generator)
      return step % 100 == 37 ? .nan : 400 + 300 * sin(Double(step) / 46) + noise
    }
  }

  private func filled(_ load: [Double]) -> [Double] {
    var last = 0.0
    return load.map { sample in
      if sample.isFinite { last = units.relative(sample) }
      return last
    }
  }

  @Test(
    "a packed trail keeps its capacity of numbers, rounded by less than stored histories",
    arguments: [1, 40, 300, 1000])
  func packed(capacity: Int) {
    let numbers = filled(load(2000))
    var trail = Trail(capacity: capacity)
    for (step, number) in numbers.enumerated() {
      trail.append(number)
      trail.pack()
      guard step % 97 == 0 else { continue }
      #expect(trail.endIndex == step + 1 && trail.startIndex == max(0, step + 1 - capacity))
      for step in trail.startIndex..<trail.endIndex { #expect(abs(trail[step] - numbers[step]) < 1e-3) }
      let sum = (trail.startIndex..<trail.endIndex).reduce(0) { $0 + trail[$1] }
      #expect(abs(trail.sum(trail.startIndex..<trail.endIndex) - sum) < 1e-9)
    }
    var looked = trail
    for number in [7.0, 8, 9] { looked.append(number) }
    #expect(looked.last == 9)
    looked.rewind(to: 2000)
    #expect(looked.endIndex == 2000 && looked.last == trail.last)
  }

  /// A trail that reads from histories of `window` samples, after `count` samples of the load; and the expected samples.
  private func shared(_ load: [Double], capacity: Int, fitted: Int, window: Int) -> LoadTrail? {
    let numbers = filled(load)
    var trail = LoadTrail(capacity: fitted)
    for number in numbers.prefix(fitted) { trail.append(number) }
    trail = trail.resized(to: capacity)
    trail.share(Array(load.prefix(fitted)), from: max(0, fitted - window), units: units)
    trail.giveBack()
    var count = fitted
    while count < load.count {
      let grown = min(load.count, count + count % 7 + 1)
      let start = max(0, grown - window)
      guard trail.lend(Array(load[start..<grown]), from: start) else { return nil }
      for step in count..<grown { trail.append(numbers[step]) }
      // Provisional samples leave no trace.
      let before = trail.last
      trail.rewind(to: grown - 1)
      trail.append(numbers[grown - 1])
      guard trail.last == before else { return nil }
      count = grown
      trail.giveBack()
    }
    let start = load.count - min(window, load.count)
    return trail.lend(Array(load[start...]), from: start) ? trail : nil
  }

  @Test(
    "samples that are read from the history are those that were appended, whether the window is longer or shorter",
    arguments: [(1300, 1000), (700, 1500), (1000, 4000)])
  func shared(capacity: Int, window: Int) throws {
    let load = load(3000)
    let numbers = filled(load)
    let trail = try #require(shared(load, capacity: capacity, fitted: 1500, window: window))
    #expect(trail.endIndex == 3000 && trail.startIndex == 3000 - capacity)
    for step in trail.startIndex..<3000 { #expect(abs(trail[step] - numbers[step]) < 1e-3, "step \(step)") }
    for first in stride(from: trail.startIndex, to: 2900, by: 61) {
      let expected = (first..<first + 100).reduce(0) { $0 + trail[$1] }
      #expect(abs(trail.sum(first..<first + 100) - expected) < 1e-4)
    }
  }

  @Test("refuses a history that lacks samples which are not kept")
  func gap() {
    let load = load(3000)
    var trail = LoadTrail(capacity: 1300)
    for number in filled(load).prefix(2000) { trail.append(number) }
    trail.share(Array(load.prefix(2000)), from: 1000, units: units)
    trail.giveBack()
    let isLent = trail.lend(Array(load[1900..<2900]), from: 1900)
    #expect(!isLent)
    let isStillLent = trail.lend(Array(load[1001..<2001]), from: 1001)
    #expect(isStillLent)
  }

  @Test("keeps all samples itself when many are missing")
  func sparse() {
    let load = load(2000).enumerated().map { $0.offset % 3 == 0 ? Double.nan : $0.element }
    let numbers = filled(load)
    var trail = LoadTrail(capacity: 2000)
    for number in numbers { trail.append(number) }
    trail.share(load, from: 500, units: units)
    trail.giveBack()
    for step in 0..<2000 { #expect(abs(trail[step] - numbers[step]) < 1e-6) }
  }
}

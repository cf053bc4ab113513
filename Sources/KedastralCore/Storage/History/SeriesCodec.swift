#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Encodes a load history in one to two bytes per sample.
///
/// The bit patterns of floating-point numbers are ordered as the numbers are, so the difference of two patterns is small where the
/// loads are close, as in the delta coding of Gorilla (Pelkonen et al., VLDB 2015). The differences are written in Golomb–Rice codes
/// whose parameter follows their mean size. The grid needs no timestamps. Missing samples are kept as the lengths of the runs of
/// present and missing ones.
///
/// Counts and repeated values are kept exactly. The noise of measured rates fills all 52 bits of the fraction, so samples that
/// would need more than ``bitsPerSample`` are rounded to fewer bits, to 11 in the last resort: a relative error of 0.025 %.
package enum SeriesCodec {
  /// The size from which samples are rounded: a week of minutes then takes 15 KiB.
  package static let bitsPerSample = 12
  /// The number of samples that a stored series has at most.
  package static let mostSamples = 1 << 20
  /// How many bits of the fraction are always kept.
  private static let fewestBits = 11
  /// The size up to which samples are kept exactly even when they are few.
  private static let freeBits = 512
  /// The code of a difference: up to this many ones select the plain code.
  private static let mostOnes = 12
  private static let lengthBits = 6

  /// The encoded series.
  package static func encode(_ series: TimeSeries) -> [UInt8] {
    let first = (series.start.timeIntervalSince1970 / series.step.inSeconds).rounded()
    var head = ByteWriter()
    head.append(series.step.inSeconds)
    head.append(first)
    let runs = runs(series.values)
    head.append(count: runs.count)
    for run in runs { head.append(count: run) }
    let patterns = series.values.filter(\.isFinite).map(pattern)
    // Zero bits that all numbers have at their end cost nothing: counts need no rounding.
    var dropped = min(52, patterns.reduce(0) { $0 | $1 }.trailingZeroBitCount)
    var body = encode(patterns, dropped: dropped)
    let allowed = bitsPerSample * patterns.count + freeBits
    while body.count * 8 > allowed, dropped < 52 - fewestBits {
      // A bit less in each number makes each difference about a bit shorter.
      dropped = min(dropped + max(1, (body.count * 8 - allowed) / patterns.count), 52 - fewestBits)
      body = encode(patterns, dropped: dropped)
    }
    head.append(count: dropped)
    return head.bytes + body
  }

  /// The series of these bytes; nil when they are invalid.
  package static func decode(_ bytes: some Collection<UInt8>) -> TimeSeries? {
    var head = ByteReader(ArraySlice(bytes))
    guard let step = head.finiteDouble(), step >= 1e-3, step <= 1e9, let first = head.finiteDouble(),
      first == first.rounded(), abs(first * step) <= 1e13, let runCount = head.count(most: mostSamples)
    else { return nil }
    var runs: [Int] = []
    var total = 0
    for _ in 0..<runCount {
      guard let run = head.count(most: mostSamples - total) else { return nil }
      runs.append(run)
      total += run
    }
    guard let dropped = head.count(most: 52),
      let present = decode(
        head.rest, dropped: dropped,
        count: stride(from: 0, to: runs.count, by: 2).reduce(0) { $0 + runs[$1] })
    else { return nil }
    var values: [Double] = []
    values.reserveCapacity(total)
    var next = 0
    for (index, run) in runs.enumerated() {
      if index.isMultiple(of: 2) {
        values += present[next..<next + run]
        next += run
      } else {
        values.append(contentsOf: repeatElement(.nan, count: run))
      }
    }
    return TimeSeries(start: Date(timeIntervalSince1970: first * step), step: .seconds(step), values: values)
  }

  /// The lengths of the runs of present and missing samples in turn, beginning with present ones.
  private static func runs(_ values: [Double]) -> [Int] {
    var runs: [Int] = []
    var isPresent = true
    var length = 0
    for value in values {
      if value.isFinite != isPresent {
        runs.append(length)
        (isPresent, length) = (!isPresent, 0)
      }
      length += 1
    }
    return length > 0 ? runs + [length] : runs
  }

  // MARK: Numbers

  /// A finite number's bit pattern as an integer in the order of the numbers.
  private static func pattern(_ value: Double) -> Int64 {
    let size = Int64(bitPattern: value.magnitude.bitPattern)
    return value < 0 ? -size : size
  }

  private static func value(_ pattern: Int64) -> Double {
    let size = Double(bitPattern: pattern.magnitude)
    return pattern < 0 ? -size : size
  }

  /// A pattern without its last bits, rounded to the nearest finite number.
  private static func rounded(_ pattern: Int64, dropped: Int) -> Int64 {
    guard dropped > 0 else { return pattern }
    // A carry out of the fraction increases the exponent, as it should.
    let up = Int64((pattern.magnitude + 1 << UInt64(dropped - 1)) >> UInt64(dropped))
    let size = value(up << Int64(dropped)).isFinite ? up : Int64(pattern.magnitude >> UInt64(dropped))
    return pattern < 0 ? -size : size
  }

  private static func encode(_ patterns: [Int64], dropped: Int) -> [UInt8] {
    var writer = BitWriter()
    var previous: Int64 = 0
    var scale = DifferenceScale()
    for pattern in patterns {
      let kept = rounded(pattern, dropped: dropped)
      // The signs of differences in the lowest bit, so that small differences are small numbers.
      let difference = kept &- previous
      let number = UInt64(bitPattern: difference << 1 ^ difference >> 63)
      previous = kept
      let ones = number >> UInt64(scale.bits)
      if ones < UInt64(mostOnes) {
        writer.append((1 << ones - 1) << 1, count: Int(ones) + 1)
        writer.append(number, count: scale.bits)
      } else {
        writer.append(1 << UInt64(mostOnes) - 1, count: mostOnes)
        let length = 64 - number.leadingZeroBitCount
        writer.append(UInt64(length - 1), count: lengthBits)
        writer.append(number, count: length)
      }
      scale.note(number)
    }
    return writer.bytes
  }

  private static func decode(_ bytes: ArraySlice<UInt8>, dropped: Int, count: Int) -> [Double]? {
    guard count <= bytes.count * 8 else { return nil }
    var reader = BitReader(bytes)
    var values: [Double] = []
    values.reserveCapacity(count)
    var previous: Int64 = 0
    var scale = DifferenceScale()
    while values.count < count {
      var ones = 0
      while ones < mostOnes {
        guard let bit = reader.next(1) else { return nil }
        if bit == 0 { break }
        ones += 1
      }
      var length = scale.bits
      if ones == mostOnes {
        guard let more = reader.next(lengthBits) else { return nil }
        (ones, length) = (0, Int(more) + 1)
      }
      guard let rest = reader.next(length) else { return nil }
      let number = length < 64 ? UInt64(ones) << UInt64(length) | rest : rest
      previous = previous &+ (Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1))
      guard previous.magnitude <= UInt64(Int64.max) >> UInt64(dropped) else { return nil }
      let value = value(previous << Int64(dropped))
      guard value.isFinite else { return nil }
      values.append(value)
      scale.note(number)
    }
    return reader.isAtEnd ? values : nil
  }

  /// The usual size of differences, from which both sides derive the parameter of the code.
  private struct DifferenceScale {
    /// Sixteen times the mean.
    private var sum: UInt64 = 0

    /// The number of bits that are written as they are.
    var bits: Int { max(0, 63 - (sum >> 4).leadingZeroBitCount) }

    mutating func note(_ number: UInt64) {
      // A jump should not make the next small differences long.
      sum = min(sum - sum >> 4 + min(number, max(sum >> 1, 64)), 1 << 60)
    }
  }
}

import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A fit and the time until the next one.
struct Learned {
  var regression: LoadRegression
  var outlierBound: Double
  var volatilityBound: Double
  var stepSeconds: Double
  var fittedAt: Date
  var refitAt: Date
  /// The first samples of the history that was fitted, encoded: those that leave the window until the next fit.
  private var head: [UInt8]

  init(
    regression: LoadRegression, outlierBound: Double, volatilityBound: Double, stepSeconds: Double, fittedAt: Date,
    refitAt: Date, history: TimeSeries
  ) {
    self.regression = regression
    self.outlierBound = outlierBound
    self.volatilityBound = volatilityBound
    self.stepSeconds = stepSeconds
    self.fittedAt = fittedAt
    self.refitAt = refitAt
    head = SeriesCodec.encode(history.prefix(Int((refitAt.timeIntervalSince(fittedAt) / stepSeconds).rounded(.up))))
  }

  /// A later history that begins where the fitted one did: profiles depend on their first day for a week.
  func extended(_ history: TimeSeries) -> TimeSeries {
    guard var whole = SeriesCodec.decode(head), whole.step == history.step, whole.start < history.start,
      whole.nextInstant >= history.start - history.step / 2
    else { return history }
    whole.merge(history)
    return whole
  }
}

// MARK: Storing

extension Learned {
  /// The fit in bytes, in single precision where that is exact enough.
  ///
  /// - Parameter zone: identifies the clock that the load follows.
  func encoded(zone: UInt64) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(fixed: zone)
    for instant in [fittedAt, refitAt] { writer.append(instant.timeIntervalSince1970) }
    for number in [stepSeconds, outlierBound, volatilityBound] { writer.append(number) }
    regression.write(to: &writer)
    writer.append(count: head.count)
    writer.append(head)
    regression.covariates?.write(to: &writer)
    return writer.bytes
  }

  /// Reads a fit; nil when the bytes are invalid or belong to another clock.
  init?(_ bytes: [UInt8], zone: UInt64) {
    var reader = ByteReader(bytes[...])
    guard reader.fixed() == zone, let fittedAt = reader.finiteDouble(), let refitAt = reader.finiteDouble(),
      let stepSeconds = reader.finiteDouble(), stepSeconds > 0, let outlierBound = reader.finiteDouble(),
      let volatilityBound = reader.finiteDouble(), outlierBound >= 0, volatilityBound >= 0,
      var regression = LoadRegression(from: &reader), let headCount = reader.count(most: 1 << 20),
      let head = reader.take(headCount), SeriesCodec.decode(head) != nil
    else { return nil }
    if !reader.rest.isEmpty {
      guard
        let choice = CovariateChoice(
          from: &reader, knots: regression.knots.count, season: regression.features.layout.season),
        reader.rest.isEmpty
      else { return nil }
      regression.covariates = choice
    }
    self.regression = regression
    self.outlierBound = outlierBound
    self.volatilityBound = volatilityBound
    self.stepSeconds = stepSeconds
    self.fittedAt = Date(timeIntervalSince1970: fittedAt)
    self.refitAt = Date(timeIntervalSince1970: refitAt)
    self.head = Array(head)
  }
}

extension AutoSession: FittedSession {
  var fittedAt: Date? { learned?.fittedAt }

  var fit: [UInt8]? { learned.map { $0.encoded(zone: model.zone(at: $0.fittedAt)) } }

  mutating func restore(fit: [UInt8]) -> Bool {
    // The zone is compared at the time of the fit, which is the second number.
    var reader = ByteReader(fit[...])
    guard reader.fixed() != nil, let fittedAt = reader.finiteDouble(), abs(fittedAt) < 1e11,
      let learned = Learned(fit, zone: model.zone(at: Date(timeIntervalSince1970: fittedAt)))
    else { return false }
    replaceFit(by: learned)
    return true
  }
}

extension AutoModel {
  /// Identifies the local clock by its offsets around an instant, and the covariates.
  fileprivate func zone(at instant: Date) -> UInt64 {
    guard let utcOffset else { return covariateBits }
    var fingerprint = Fingerprint()
    for halfMonth in -13...13 {
      let offset = utcOffset(instant.addingTimeInterval(Double(halfMonth) * 14 * 86_400))
      fingerprint.add("\(offset.inSeconds)")
    }
    return fingerprint.bits ^ covariateBits
  }
}

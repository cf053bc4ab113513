import Foundation
import KedastralTesting
import TestSupport
import Testing

@testable import KedastralCore
@testable import KedastralModels

@Suite("Stored fits of auto", .numeric)
struct StoredFitTests {
  /// Nine days of quarters of hours, with a week to learn from.
  private static let whole = SyntheticLoad.series(count: 11 * 96, stepSeconds: 900) { step, generator in
    400 + 300 * sine(Double(step % 96) / 96) + (step / 96 % 7 > 4 ? -80 : 0) + 10 * generator.noise()
  }

  private static func sine(_ turn: Double) -> Double { sin(2 * Double.pi * turn) }

  private func history(_ count: Int) -> TimeSeries { Self.whole.prefix(count) }

  private func fitted(_ model: AutoModel = AutoModel(), count: Int) throws -> AutoSession {
    var session = AutoSession(model: model)
    _ = try session.forecast(history(count), steps: 24, quantiles: [0.5, 0.9])
    return session
  }

  @Test(
    "a restored fit gives the same forecasts, and the next fit is due at the same time", arguments: [60, 300, 1000])
  func same(count: Int) throws {
    var session = try fitted(count: count)
    let fit = try #require(session.fit)
    var restored = AutoSession(model: AutoModel())
    let isValid = restored.restore(fit: fit)
    #expect(isValid && restored.fittedAt == session.fittedAt && restored.learned?.refitAt == session.learned?.refitAt)
    // The window has moved since the fit.
    var later = history(count + 2)
    later.keepLast(count)
    let expected = try session.forecast(later, steps: 24, quantiles: [0.5, 0.9])
    let forecast = try restored.forecast(later, steps: 24, quantiles: [0.5, 0.9])
    #expect(restored.fittedAt == session.fittedAt && forecast.reason == expected.reason)
    for (left, right) in zip(forecast.values, expected.values) { #expect(abs(left - right) <= 1e-3 * max(1, right)) }
    for (left, right) in zip(forecast.quantiles.paths, expected.quantiles.paths) {
      for (one, other) in zip(left.values, right.values) { #expect(abs(one - other) <= 1e-3 * max(1, other)) }
    }
  }

  @Test("a fit with weekly patterns takes at most 6 KiB")
  func size() throws {
    let bytes = try #require(try fitted(count: 1000).fit).count
    #expect(bytes <= 6 << 10, "\(bytes) bytes")
  }

  private func isAccepted(_ fit: [UInt8], by model: AutoModel = AutoModel()) -> Bool {
    var session = AutoSession(model: model)
    return session.restore(fit: fit)
  }

  @Test("a fit of another clock, and one that is incomplete, is refused")
  func refused() throws {
    let fit = try #require(try fitted(count: 300).fit)
    let summer = AutoModel(utcOffset: { $0.timeIntervalSince1970 < 1.77e9 ? .zero : .seconds(3600) })
    let winter = AutoModel(utcOffset: { _ in .seconds(3600) })
    #expect(!isAccepted(fit, by: winter))
    let zoned = try #require(try fitted(summer, count: 300).fit)
    #expect(isAccepted(zoned, by: summer) && !isAccepted(zoned) && !isAccepted(zoned, by: winter))
    for count in stride(from: 0, to: fit.count, by: 7) { #expect(!isAccepted(Array(fit.prefix(count)))) }
    #expect(!isAccepted(fit + [0]))
  }

  @Test("a restored fit of another step or a shorter horizon is not used")
  func otherRequest() throws {
    let fit = try #require(try fitted(count: 300).fit)
    var session = AutoSession(model: AutoModel())
    let isValid = session.restore(fit: fit)
    #expect(isValid)
    _ = try session.forecast(history(302), steps: 48, quantiles: [0.9])
    #expect(session.fittedAt == history(302).end)
  }
}

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The source of time: production, tests and replay run the same code on different clocks.
///
/// No other code in this module reads the operating system's clock.
public protocol WallClock: Sendable {
  /// The current instant.
  var now: Date { get }

  /// Suspends until `now` has reached `instant`; returns at once when it already has.
  ///
  /// - Throws: `CancellationError` when the task is cancelled meanwhile.
  func sleep(until instant: Date) async throws
}

extension WallClock {
  /// Suspends for `duration` of this clock's time.
  public func sleep(for duration: Duration) async throws {
    try await sleep(until: now + duration)
  }
}

/// The operating system's clock.
public struct SystemWallClock: WallClock {
  /// Creates the operating system's clock.
  public init() {}

  public var now: Date { Date() }

  public func sleep(until instant: Date) async throws {
    let seconds = instant.timeIntervalSince(now)
    if seconds > 0 { try await Task.sleep(for: .seconds(seconds)) } else { try Task.checkCancellation() }
  }
}

/// A clock that runs `speed` times as fast as the operating system's, from a chosen start: an hour of load in a minute.
package struct ScaledWallClock: WallClock {
  /// How many of this clock's seconds pass in one real second.
  package let speed: Double
  private let start: Date
  private let realStart: Date

  /// Creates a clock that shows `start` now.
  package init(startingAt start: Date, speed: Double) {
    precondition(speed > 0 && speed.isFinite, "a clock's speed is positive")
    self.start = start
    self.speed = speed
    self.realStart = Date()
  }

  package var now: Date { start.addingTimeInterval(Date().timeIntervalSince(realStart) * speed) }

  package func sleep(until instant: Date) async throws {
    let seconds = instant.timeIntervalSince(now) / speed
    if seconds > 0 { try await Task.sleep(for: .seconds(seconds)) } else { try Task.checkCancellation() }
  }
}

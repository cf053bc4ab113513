#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model session whose fit is stored beside the history, so that a restarted loop need not fit again.
package protocol FittedSession: ModelSession {
  /// When the current fit was made; nil without one.
  var fittedAt: Date? { get }

  /// Whether the current fit is kept when the next one is due, because ``restore(fit:)`` brings it; false at first.
  var isFittedApart: Bool { get set }

  /// Whether the last forecast used a fit that is to be replaced.
  var isFitDue: Bool { get }

  /// The current fit, in a format that the model defines: a few kilobytes.
  var fit: [UInt8]? { get }

  /// Resumes from an earlier session's ``fit``; false when it is not valid in this version or for this model's settings.
  mutating func restore(fit: [UInt8]) -> Bool
}

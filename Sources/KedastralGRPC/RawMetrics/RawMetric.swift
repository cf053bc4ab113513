#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A trigger of a ScaledObject or ScaledJob, as KEDA's metrics service identifies it.
package struct ScalingTrigger: Sendable, Hashable, CustomStringConvertible {
  /// The object's namespace.
  package let namespace: String
  /// The object's name.
  package let object: String
  /// The trigger's `name`, or what KEDA calls a trigger without one: the type of its scaler, such as `kafkaScaler`.
  package let name: String

  /// Identifies a trigger.
  package init(namespace: String, object: String, name: String) {
    self.namespace = namespace
    self.object = object
    self.name = name
  }

  package var description: String { "trigger '\(name)' of ScaledObject \(namespace)/\(object)" }
}

/// A value that KEDA read for a trigger.
package struct RawMetric: Sendable, Equatable {
  /// The trigger.
  package let trigger: ScalingTrigger
  /// The value; may be NaN or infinite.
  package let value: Double
  /// When KEDA read it; nil when the message has no valid time.
  package let instant: Date?

  /// Creates a value.
  package init(trigger: ScalingTrigger, value: Double, instant: Date?) {
    self.trigger = trigger
    self.value = value
    self.instant = instant
  }
}

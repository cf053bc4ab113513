/// A metric that a scaler offers to the autoscaler, as GetMetricSpec tells it.
package struct MetricSpec: Sendable, Equatable {
  /// The metric's name, by which GetMetrics is asked.
  package let name: String
  /// What the value is divided by to get replicas: the floating-point field when it is above 0, else the integer one, as
  /// KEDA reads it.
  package let target: Double

  /// Creates a specification.
  package init(name: String, target: Double) {
    self.name = name
    self.target = target
  }

  /// The replicas that an autoscaler wants for `value`, before the ScaledObject's limits: both numbers in thousandths, cut
  /// off, as KEDA hands them over, and the quotient rounded up. Nil when the target is not above 0.
  package func replicas(for value: MetricValue) -> Int? {
    guard let value = Self.thousandths(value.value), let target = Self.thousandths(target), target > 0 else {
      return nil
    }
    return Int((max(0, value) / target).rounded(.up))
  }

  private static func thousandths(_ number: Double) -> Double? {
    let scaled = (number * 1000).rounded(.towardZero)
    return abs(scaled) < 9e18 ? scaled : nil
  }
}

/// A metric's value, as GetMetrics tells it.
package struct MetricValue: Sendable, Equatable {
  /// The metric's name.
  package let name: String
  /// The floating-point field when it is above 0, else the integer one, as KEDA reads it.
  package let value: Double

  /// How far the forecast reaches, where the scaler says that this is less than the lead time it was asked with.
  package let forecast: Duration?

  /// Creates a value.
  package init(name: String, value: Double, forecast: Duration? = nil) {
    self.name = name
    self.value = value
    self.forecast = forecast
  }
}

/// A source of which a restarted process can know whether it is still the same.
package protocol IdentifiedSource: MetricSource {
  /// A text that differs for sources with different loads and is the same in every process: the server and the query, for instance.
  /// Only a hash of it is stored.
  var loadIdentity: String { get }

  /// Whether the source can return samples of the time before this process; true unless a source says otherwise. Samples of a source
  /// without a past are stored as soon as they are settled, because nothing else has them.
  var hasPast: Bool { get }
}

extension IdentifiedSource {
  package var hasPast: Bool { true }
}

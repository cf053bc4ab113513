/// A source of which a restarted process can know whether it is still the same.
package protocol IdentifiedSource: MetricSource {
  /// A text that differs for sources with different loads and is the same in every process: the server and the query, for instance.
  /// Only a hash of it is stored.
  var loadIdentity: String { get }
}

import KedastralCore
import KedastralSources

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Which values of a label are workloads now: a value without I/O.
///
/// Values are added with the first response that has them. One that responses lack stays for a while, and only complete responses
/// with at least one value count: neither a failed request nor an empty response ends a workload.
package struct DiscoveredValues: Sendable, Equatable {
  /// The outcome of a response.
  enum Outcome: String, Sendable, CaseIterable {
    case success, empty, failure
  }

  /// The values of the last response that had any, and since when others are missing from the responses.
  private var present: Set<String> = []
  private var missingSince: [String: Date] = [:]

  /// The values that become workloads, in ascending order.
  package private(set) var workloads: [String] = []
  /// The values that are left out because there are more than the limit.
  package private(set) var overLimit: [String] = []
  /// The values that are not valid names of workloads.
  package private(set) var refused: [String] = []

  /// How many of the workloads are missing from the responses.
  var vanishedCount: Int { workloads.count { missingSince[$0] != nil } }

  /// No values.
  init() {}

  /// The values of a first response.
  package init(_ answer: LabelValues, _ settings: DiscoveryConfiguration) {
    present = Set(answer.values)
    choose(settings)
  }

  /// Takes a response.
  mutating func take(_ answer: LabelValues, _ settings: DiscoveryConfiguration, at now: Date) -> Outcome {
    guard !answer.values.isEmpty else { return .empty }
    let new = Set(answer.values)
    for value in new { missingSince[value] = nil }
    if answer.isPartial {
      present.formUnion(new)
    } else {
      for value in present.subtracting(new) { missingSince[value] = now }
      present = new
      missingSince = missingSince.filter { $0.value > now - settings.keep }
    }
    choose(settings)
    return .success
  }

  /// Chooses the workloads: those of the last response first, by name, and then those that are missing from it.
  mutating func choose(_ settings: DiscoveryConfiguration) {
    let accepted = present.filter(settings.accepts).sorted() + missingSince.keys.filter(settings.accepts).sorted()
    refused = accepted.filter { !WorkloadName.isValid($0) }
    let valid = accepted.filter(WorkloadName.isValid)
    workloads = valid.prefix(settings.limit).sorted()
    overLimit = valid.dropFirst(settings.limit).sorted()
  }
}

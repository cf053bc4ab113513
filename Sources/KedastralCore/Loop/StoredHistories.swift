#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The stored histories of a workload's metrics: what a loop resumes from, and what it writes.
///
/// Nothing is written before the stored histories were read, so that a loop that could not read a long history never replaces it
/// by a short one.
struct StoredHistories: Sendable {
  /// One metric's part.
  private struct Entry {
    var archive: HistoryArchive
    let model: String
    /// When the stored fit was made.
    var storedFit: Date?
  }

  /// A writing in progress.
  struct Writing: Sendable {
    fileprivate(set) var parts: [String: Data?] = [:]
    fileprivate var samples: [Int: HistoryArchive.Writing] = [:]
    fileprivate var fits: [Int: Date] = [:]
  }

  /// Identifies each metric's samples; nil where that is not possible.
  let fingerprints: [Fingerprint?]
  /// How long the store keeps the histories after the last write: chunks of a workload that is not forecast expire.
  let lifetime: Duration
  private var entries: [Int: Entry] = [:]
  /// Whether a source has no past, so that samples must be stored soon.
  let isUrgent: Bool
  /// Whether the stored histories were read.
  private(set) var isRead = false
  /// Whether there is something to write.
  private(set) var isDue = false

  /// - Parameter isStored: whether the store keeps histories.
  init(_ workload: Workload, isStored: Bool) {
    lifetime = workload.window + .seconds(86_400)
    fingerprints = workload.metrics.map { $0.fingerprint(step: workload.step, windowSteps: workload.windowSteps) }
    isUrgent = workload.metrics.contains { ($0.source as? any IdentifiedSource)?.hasPast == false }
    guard isStored else { return }
    for (index, metric) in workload.metrics.enumerated() {
      guard let fingerprint = fingerprints[index] else { continue }
      entries[index] = Entry(
        archive: HistoryArchive(
          index: index, fingerprint: fingerprint, step: workload.step, windowSteps: workload.windowSteps),
        model: metric.model.name)
    }
  }

  /// Whether a metric has a history that can be stored.
  var isUsed: Bool { !entries.isEmpty }

  /// Whether there can be stored histories that were not read.
  var isUnread: Bool { isUsed && !isRead }

  /// Notes that the stored histories were read.
  mutating func noteRead() { isRead = true }

  /// Resumes a metric's samples and fit.
  ///
  /// - Returns: the reason why a stored history or fit is not used; nil when it is, and when there is none.
  mutating func resume(
    _ index: Int, from parts: [String: Data], _ samples: inout SampleHistory, _ session: inout any ModelSession
  ) -> String? {
    guard var entry = entries[index] else { return nil }
    defer { entries[index] = entry }
    do {
      guard let series = try entry.archive.resume(from: parts) else { return nil }
      samples.resume(series)
      guard let fit = try entry.archive.fit(in: parts, model: entry.model), var fitted = session as? any FittedSession
      else { return nil }
      guard fitted.restore(fit: fit) else { return "the fit is not valid in this version or with these settings" }
      entry.storedFit = fitted.fittedAt
      session = fitted
      return nil
    } catch {
      return error.description
    }
  }

  /// Requests that what is new is written.
  mutating func setDue() { isDue = isUsed && isRead }

  /// Adds what to write of a metric.
  mutating func add(
    _ index: Int, _ samples: inout SampleHistory, _ session: any ModelSession, to writing: inout Writing
  ) {
    guard var entry = entries[index], let settledEnd = samples.settledEnd else { return }
    if let changed = samples.takeSettledChange() { entry.archive.changed(from: changed) }
    let new = entry.archive.writing(samples.series, settledEnd: settledEnd)
    writing.samples[index] = new
    writing.parts.merge(new.parts) { $1 }
    if !new.isPartial, let session = session as? any FittedSession, let fittedAt = session.fittedAt,
      fittedAt != entry.storedFit, let fit = session.fit
    {
      writing.parts.merge(entry.archive.writing(fit: fit, model: entry.model)) { $1 }
      writing.fits[index] = fittedAt
    }
    entries[index] = entry
  }

  /// Notes that a writing succeeded.
  mutating func wrote(_ writing: Writing) {
    for (index, samples) in writing.samples { entries[index]?.archive.wrote(samples) }
    for (index, fittedAt) in writing.fits { entries[index]?.storedFit = fittedAt }
    isDue = writing.samples.values.contains(where: \.isPartial)
  }

  /// Notes that a writing failed: it is repeated when the next one is due.
  mutating func failed() { isDue = false }
}

extension LoadMetric {
  /// Identifies the samples that a loop collects; nil when the source cannot be recognised in another process.
  func fingerprint(step: Duration, windowSteps: Int) -> Fingerprint? {
    guard let source = source as? any IdentifiedSource else { return nil }
    var fingerprint = Fingerprint()
    for text in [name, source.loadIdentity, "\(step.inSeconds)", "\(windowSteps)"] { fingerprint.add(text) }
    return fingerprint
  }
}

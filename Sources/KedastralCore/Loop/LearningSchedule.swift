/// Which of the workloads that wait may read their history or be fitted now: a value without I/O.
///
/// No turn begins while a workload's first plan is still to come, so that all have a plan before any long history is read.
struct LearningSchedule: Sendable {
  /// What a turn is for.
  enum Stage: Sendable, CaseIterable {
    case read
    case fit

    /// The largest number of turns at the same time. One fit at a time occupies at most one core.
    var width: Int { self == .read ? 4 : 1 }
  }

  private struct Waiting: Sendable {
    let ticket: Int
    let priority: Double
  }

  /// The workloads whose first round has not ended.
  private var starting: Set<WorkloadName> = []
  /// The workloads whose history is to be read and fitted.
  private var learning: Set<WorkloadName> = []
  /// The workloads that were fitted since the last time that none was learning.
  private var learnedCount = 0
  private var waiting: [Stage: [Waiting]] = [:]
  private var running: [Stage: Int] = [:]

  /// How many workloads are fitted, of those that had to be; nil when none is waiting.
  var progress: (learned: Int, of: Int)? {
    learning.isEmpty ? nil : (learnedCount, learnedCount + learning.count)
  }

  /// A workload's first round is about to begin.
  mutating func begins(_ workload: WorkloadName) { starting.insert(workload) }

  /// A workload's first round has ended.
  mutating func hasBegun(_ workload: WorkloadName) { starting.remove(workload) }

  /// A workload has a first plan, and its history is to be read and fitted.
  mutating func learns(_ workload: WorkloadName) { learning.insert(workload) }

  /// A workload is fitted.
  mutating func learned(_ workload: WorkloadName) {
    guard learning.remove(workload) != nil else { return }
    learnedCount = learning.isEmpty ? 0 : learnedCount + 1
  }

  /// A workload is not forecast any more.
  mutating func forget(_ workload: WorkloadName) {
    starting.remove(workload)
    if learning.remove(workload) != nil, learning.isEmpty { learnedCount = 0 }
  }

  /// Waits for a turn; those of a higher priority come first.
  mutating func wait(_ ticket: Int, for stage: Stage, priority: Double) {
    waiting[stage, default: []].append(Waiting(ticket: ticket, priority: priority))
  }

  /// Gives up waiting.
  mutating func cancel(_ ticket: Int) {
    for stage in Stage.allCases { waiting[stage]?.removeAll { $0.ticket == ticket } }
  }

  /// A turn has ended.
  mutating func ended(_ stage: Stage) { running[stage, default: 0] -= 1 }

  /// The tickets whose turns begin now.
  mutating func next() -> [Int] {
    guard starting.isEmpty else { return [] }
    var begun: [Int] = []
    for stage in Stage.allCases {
      while running[stage, default: 0] < stage.width, let ticket = takeFirst(stage) {
        running[stage, default: 0] += 1
        begun.append(ticket)
      }
    }
    return begun
  }

  /// Removes the waiting ticket with the highest priority; of equal ones the one that came first.
  private mutating func takeFirst(_ stage: Stage) -> Int? {
    guard let all = waiting[stage], var best = all.indices.first else { return nil }
    for index in all.indices where all[index].priority > all[best].priority { best = index }
    return waiting[stage]?.remove(at: best).ticket
  }
}

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A request of KEDA for placeholder pods: as many as keep room on nodes for the pods that plans request while a node
/// starts.
package struct HeadroomQuestion: Sendable, Equatable {
  /// What a pod requests of a node; not negative.
  package struct Requests: Sendable, Equatable {
    /// Cores.
    package var cpu: Double
    /// Bytes.
    package var memory: Double

    package init(cpu: Double, memory: Double) {
      self.cpu = cpu
      self.memory = memory
    }
  }

  /// A workload whose pods need room.
  package struct Member: Sendable, Equatable {
    package var workload: String
    /// What one of its pods requests.
    package var pod: Requests

    package init(workload: String, pod: Requests) {
      self.workload = workload
      self.pod = pod
    }
  }

  /// The workloads whose rise is counted.
  package var members: [Member]
  /// What a placeholder pod requests; at least one of the two is positive.
  package var placeholder: Requests
  /// The time from a pod that finds no room until a new node is ready.
  package var nodeStartup: Duration

  package init(members: [Member], placeholder: Requests, nodeStartup: Duration) {
    self.members = members
    self.placeholder = placeholder
    self.nodeStartup = nodeStartup
  }

  /// A member's plan.
  package struct Plan: Sendable {
    let snapshot: Snapshot
    let pod: Requests
    let leadTime: Duration

    /// - Parameter leadTime: how long before the load the member's pods are requested.
    package init(snapshot: Snapshot, pod: Requests, leadTime: Duration) {
      self.snapshot = snapshot
      self.pod = pod
      self.leadTime = leadTime
    }
  }

  /// The placeholder pods at `now`: the largest rise of the summed requests of all plans within the start-up time of a node,
  /// divided by what a placeholder requests. A resource that placeholders do not request is not counted.
  package func placeholders(for plans: [Plan], at now: Date) -> Int {
    guard let step = plans.map(\.snapshot.step).min(), step > .zero else { return 0 }
    let present = requests(of: plans, at: now)
    var most = 0.0
    var ahead = Duration.zero
    repeat {
      ahead = min(ahead + step, nodeStartup)
      let future = requests(of: plans, at: now + ahead)
      for (rise, size) in [
        (future.cpu - present.cpu, placeholder.cpu), (future.memory - present.memory, placeholder.memory),
      ] where size > 0 {
        most = max(most, rise / size)
      }
    } while ahead < nodeStartup
    // Sums of fractions such as 0.1 exceed the whole number by a little.
    return Int(min((most - 1e-9).rounded(.up), 1_000_000))
  }

  /// What the pods that KEDA is given at an instant request together.
  private func requests(of plans: [Plan], at instant: Date) -> Requests {
    plans.reduce(into: Requests(cpu: 0, memory: 0)) { sum, plan in
      let pods = plan.snapshot.answer(ScalingQuestion(leadTime: plan.leadTime), at: instant)?.value ?? 0
      sum.cpu += pods * plan.pod.cpu
      sum.memory += pods * plan.pod.memory
    }
  }
}

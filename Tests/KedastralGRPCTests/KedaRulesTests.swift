import Foundation
import KedastralCore
import KedastralGRPC
import TestSupport
import Testing

/// The rules of the double, apart from any server.
@Suite("The double of KEDA")
struct KedaDoubleTests {
  /// A ScaledObject whose HPA exists, with these targets.
  private func reconciled(_ keda: KedaDouble, _ targets: KedaDouble.Number?...) -> KedaDouble {
    var keda = keda
    _ = keda.receive(.created)
    _ = keda.receive(.specs(targets))
    return keda
  }

  /// The replicas after each round of answers.
  private func replicas(_ keda: inout KedaDouble, _ rounds: [[KedaDouble.Answer]]) -> [Int] {
    rounds.map { answers in
      _ = keda.receive(.answers(answers))
      return keda.replicas
    }
  }

  @Test("without any specification the HPA is made by a back-off that doubles from 5 ms to 1000 s")
  func lateHPA() {
    var keda = KedaDouble()
    #expect(keda.receive(.created) == [.askSpecs(after: .zero)])
    var waited = Duration.zero
    var waits: [Duration] = []
    for _ in 0..<20 {
      guard case .askSpecs(let wait)? = keda.receive(.specs([nil])).first else { return }
      waits.append(wait)
      waited += wait
    }
    #expect(waits.prefix(3) == [.milliseconds(5), .milliseconds(10), .milliseconds(20)])
    #expect(waits.suffix(2) == [.seconds(1000), .seconds(1000)])
    // A specification that is there after 175 s is read 153 s later.
    let tries = waits.reduce(into: [Duration.zero]) { $0.append(($0.last ?? .zero) + $1) }
    #expect(tries.first { $0 >= .seconds(175) } == .milliseconds(327_675))
    #expect(keda.targets == nil && keda.receive(.answers([.value(9)])) == [.ask(after: .seconds(15))])
  }

  @Test("the HPA is made without the metric of a trigger that has no specification, until the next reconciliation")
  func partialHPA() {
    var keda = reconciled(KedaDouble(), nil, .init(1))
    #expect(replicas(&keda, [[.value(20), .value(3)]]) == [3])
    _ = keda.receive(.created)
    _ = keda.receive(.specs([.init(1), .init(1)]))
    #expect(replicas(&keda, [[.value(20), .value(3)]]) == [20])
  }

  @Test("more failures than the threshold make the fallback act, one success ends it")
  func fallback() {
    var keda = reconciled(KedaDouble(fallback: .init(replicas: 6)), .init(1))
    #expect(
      replicas(&keda, [[.value(2)], [.failed], [.failed], [.failed], [.failed], [.failed]]) == [2, 2, 2, 2, 6, 6])
    #expect(replicas(&keda, [[.value(3)], [.failed], [.failed]]) == [3, 3, 3])
  }

  @Test("while there is no specification no failure counts, and a fallback that acts ends without replicas changing")
  func noSpecification() {
    var keda = reconciled(KedaDouble(fallback: .init(replicas: 6)), .init(1))
    #expect(replicas(&keda, [[.value(2)]] + Array(repeating: [.noSpec], count: 20)) == Array(repeating: 2, count: 21))
    #expect(keda.failures[0] == 0)
    _ = replicas(&keda, Array(repeating: [.failed], count: 4))
    #expect(keda.isFallingBack && keda.replicas == 6)
    _ = replicas(&keda, [[.noSpec]])
    #expect(!keda.isFallingBack && keda.replicas == 6)
  }

  @Test("a trigger without a specification takes the other triggers with it; one that merely fails does not")
  func otherTriggers() {
    var keda = reconciled(KedaDouble(), .init(1), .init(100))
    #expect(replicas(&keda, [[.noSpec, .value(900)], [.noSpec, .value(900)]]) == [1, 1])
    #expect(replicas(&keda, [[.failed, .value(900)]]) == [9])
    // What is missing keeps the HPA from scaling down.
    #expect(replicas(&keda, [[.failed, .value(200)], [.value(1), .value(200)]]) == [9, 2])
  }

  @Test("the target is the one of the last reconciliation, and the tolerance is 10 % of the metric")
  func target() {
    var keda = reconciled(KedaDouble(replicas: 10), .init(50))
    #expect(replicas(&keda, [[.value(549)], [.value(551)], [.value(545)]]) == [10, 12, 12])
  }

  @Test("KEDA before 2.17 reads the integer fields alone, later ones the fractions")
  func versions() {
    let target = KedaDouble.Number(integer: 1, float: 1.5)
    for (version, expected) in [(KedaDouble.Version.wholeNumbers, 7), (.fractions, 5), (.current, 5)] {
      var keda = reconciled(KedaDouble(version: version), target)
      #expect(replicas(&keda, [[.value(.init(integer: 7, float: 7.5), isActive: true)]]) == [expected])
    }
  }

  @Test("from zero an active trigger starts the first replica; a fallback does so from KEDA 2.19 on")
  func fromZero() {
    for (version, expected) in [(KedaDouble.Version.wholeNumbers, 0), (.fractions, 0), (.current, 1)] {
      var keda = reconciled(
        KedaDouble(version: version, minimum: 0, fallback: .init(replicas: 6)), .init(1))
      #expect(replicas(&keda, Array(repeating: [.failed], count: 4)).last == expected)
      #expect(replicas(&keda, [[.value(3)], [.value(3)]]).last == 3)
      #expect(replicas(&keda, [[.value(0, isActive: false)]]) == [0])
    }
    var pushed = reconciled(KedaDouble(minimum: 0), .init(1))
    #expect(pushed.receive(.pushedActive) == [.scale(to: 1)] && pushed.receive(.pushedActive).isEmpty)
  }

  @Test("a stream that ends with OK is opened again after 2 s, one that fails ever later, up to 60 s")
  func streams() {
    var keda = KedaDouble()
    func waits(_ ends: [Bool]) -> [Action] { ends.flatMap { keda.receive(.streamEnded(isOK: $0)) } }
    #expect(
      waits([false, false, false, false, false, false, false])
        == [2, 4, 8, 16, 32, 60, 60].map { .openStream(after: .seconds($0)) })
    #expect(waits([true, false, true, true]) == [2, 4, 2, 2].map { .openStream(after: .seconds($0)) })
  }

  private typealias Action = KedaDouble.Action
}

/// The double drives the real scaler by the official client: what it does is what KEDA would do.
@Suite("KEDA's rules against the scaler")
struct KedaRulesTests {
  /// A ScaledObject with a trigger of the scaler's, and perhaps another trigger that is always right.
  private struct Cluster {
    var keda: KedaDouble
    let scaler: TestScaler
    let client: PythonClient
    let metadata: [String: String]
    /// What the other trigger asks for, against a target of 1; nil without one.
    var other: Int?

    init(
      _ scaler: TestScaler, _ keda: KedaDouble, metadata: [String: String] = [:], other: Int? = nil
    ) async throws {
      self.keda = keda
      self.scaler = scaler
      self.other = other
      self.metadata = metadata
      client = try await PythonClient(port: scaler.port)
    }

    /// Reconciles until the HPA exists; how long that takes.
    mutating func create() async throws -> Duration {
      var waited = Duration.zero
      var actions = keda.receive(.created)
      while case .askSpecs(let wait)? = actions.first {
        waited += wait
        scaler.clock.advance(by: wait)
        let answer = try await client.call("GetMetricSpec", "api", metadata)
        let target = answer.code == "OK" ? number(answer) : nil
        actions = keda.receive(.specs([target] + (other == nil ? [] : [.init(1)])))
      }
      return waited
    }

    /// Lets rounds of calls pass; the replicas after each.
    mutating func pass(_ rounds: Int) async throws -> [Int] {
      var seen: [Int] = []
      for _ in 0..<rounds {
        scaler.clock.advance(by: KedaDouble.interval)
        _ = keda.receive(.answers([try await answer()] + (other.map { [.value($0)] } ?? [])))
        seen.append(keda.replicas)
      }
      return seen
    }

    private func answer() async throws -> KedaDouble.Answer {
      guard try await client.call("GetMetricSpec", "api", metadata).code == "OK" else { return .noSpec }
      let value = try await client.call("GetMetrics", "api", metadata)
      let active = try await client.call("IsActive", "api", metadata)
      guard value.code == "OK", active.code == "OK" else { return .failed }
      return .value(number(value), isActive: active.active ?? false)
    }

    private func number(_ answer: PythonClient.Answer) -> KedaDouble.Number {
      .init(integer: answer.integer ?? 0, float: answer.value ?? 0)
    }
  }

  @Test("without a plan the HPA exists at once, the fallback acts, and the first plan is obeyed at the next call")
  func noPlan() async throws {
    try await TestScaler.serving([]) { scaler in
      var cluster = try await Cluster(scaler, KedaDouble(fallback: .init(replicas: 6)))
      #expect(try await cluster.create() == .zero)
      #expect(try await cluster.pass(5) == [1, 1, 1, 6, 6])
      await scaler.put([try .plan(at: scaler.clock.now)])
      #expect(try await cluster.pass(1) == [9])
    }
  }

  @Test("a stale plan makes the fallback act, and a fresh one ends it", arguments: ["replicas", "load"])
  func stale(mode: String) async throws {
    try await TestScaler.serving([try .plan()]) { scaler in
      var cluster = try await Cluster(scaler, KedaDouble(fallback: .init(replicas: 14)), metadata: ["mode": mode])
      _ = try await cluster.create()
      #expect(try await cluster.pass(2) == [9, 9])
      scaler.clock.advance(by: .seconds(120))
      #expect(try await cluster.pass(5) == [9, 9, 9, 14, 14])
      await scaler.put([try .plan(at: scaler.clock.now)])
      #expect(try await cluster.pass(1) == [9])
    }
  }

  @Test("beside a dry run, an unknown workload or a stale plan, the ScaledObject's other trigger works on")
  func otherTrigger() async throws {
    var dryRun = try Snapshot.plan()
    dryRun.isDryRun = true
    for plans in [[dryRun], [], [try .plan(at: TestScaler.start - .seconds(3600))]] {
      try await TestScaler.serving(plans) { scaler in
        var cluster = try await Cluster(scaler, KedaDouble(), other: 9)
        #expect(try await cluster.create() == .zero)
        #expect(try await cluster.pass(2) == [9, 9])
        cluster.other = 12
        #expect(try await cluster.pass(1) == [12])
      }
    }
  }

  @Test(
    "a target per pod that is halved doubles the pods, though KEDA has read the target before",
    arguments: [KedaDouble.Version.current, .wholeNumbers])
  func targetPerPod(version: KedaDouble.Version) async throws {
    /// A plan of a constant load.
    func plan(targetPerPod: Double, at instant: Date) throws -> Snapshot {
      let replicas = Array(repeating: Int((500 / targetPerPod).rounded(.up)), count: 10)
      var plan = try Snapshot.plan(replicas: replicas, load: Array(repeating: 500, count: 10), at: instant)
      plan.targetPerPod = targetPerPod
      return plan
    }
    try await TestScaler.serving([try plan(targetPerPod: 50, at: TestScaler.start)]) { scaler in
      var cluster = try await Cluster(scaler, KedaDouble(version: version), metadata: ["mode": "load"])
      _ = try await cluster.create()
      #expect(try await cluster.pass(1) == [10])
      for (target, pods) in [(25.0, 20), (12.5, 40), (50, 10), (30, 17)] {
        await scaler.put([try plan(targetPerPod: target, at: scaler.clock.now)])
        #expect(try await cluster.pass(1) == [pods], "\(target)")
      }
    }
  }

  @Test("a KEDA that reads whole numbers alone wants the same pods as one that reads fractions")
  func wholeNumbers() async throws {
    try await TestScaler.serving([try .plan()], defaults: ScalerDefaults(staleAfter: .seconds(3600))) { scaler in
      for mode in ["replicas", "load"] {
        for load in [3.0, 99, 101, 250, 850, 999.5, 2450] {
          let pods = max(1, Int((load / 100).rounded(.up)))
          scaler.clock.advance(by: .seconds(1))
          await scaler.put([
            try .plan(
              replicas: Array(repeating: pods, count: 10), load: Array(repeating: load, count: 10),
              at: scaler.clock.now)
          ])
          for version in [KedaDouble.Version.wholeNumbers, .fractions] {
            // From far above, since the tolerance of the HPA keeps a pod for the last percent.
            let keda = KedaDouble(version: version, replicas: 50)
            var cluster = try await Cluster(scaler, keda, metadata: ["mode": mode])
            _ = try await cluster.create()
            #expect(try await cluster.pass(1) == [pods], "\(mode) \(load)")
          }
        }
      }
    }
  }

  @Test("at a connection's age a push stream ends so that KEDA opens it again after 2 s, however often")
  func connectionAge() async throws {
    var limits = GRPCLimits()
    limits.connectionAge = .milliseconds(300)
    limits.connectionAgeGrace = .milliseconds(100)
    try await TestScaler.serving([try .plan()], limits: limits) { scaler in
      let client = try await PythonClient(port: scaler.port)
      var keda = KedaDouble(minimum: 0)
      for _ in 0..<4 {
        let stream = try client.stream("StreamIsActive", "api")
        let first = try await stream.next()
        #expect(first.active == true)
        if first.active == true { _ = keda.receive(.pushedActive) }
        let end = try await stream.next()
        #expect(keda.receive(.streamEnded(isOK: end.code == "OK")) == [.openStream(after: .seconds(2))])
      }
      #expect(keda.replicas == 1)
    }
  }

  @Test("a shutdown ends a push stream with OK; a server that is gone makes the wait grow, until the next end with OK")
  func shutdown() async throws {
    let first = try await TestScaler()
    await first.put([try .plan()])
    let client = try await PythonClient(port: first.port)
    var keda = KedaDouble()
    let stream = try client.stream("StreamIsActive", "api")
    #expect(try await stream.next().active == true)
    await first.server.shutdown(within: .seconds(10))
    #expect(keda.receive(.streamEnded(isOK: try await stream.next().code == "OK")) == [.openStream(after: .seconds(2))])
    for wait in [4, 8, 16] {
      let end = try await client.stream("StreamIsActive", "api").next()
      #expect(keda.receive(.streamEnded(isOK: end.code == "OK")) == [.openStream(after: .seconds(wait))])
    }
    try await TestScaler.serving([try .plan()]) { second in
      let client = try await PythonClient(port: second.port)
      let stream = try client.stream("StreamIsActive", "api")
      #expect(try await stream.next().active == true)
      await second.server.shutdown(within: .seconds(10))
      let isOK = try await stream.next().code == "OK"
      #expect(keda.receive(.streamEnded(isOK: isOK)) == [.openStream(after: .seconds(2))])
    }
  }

  @Test("from zero the scaler's activity starts the first replica, at the next call or by the stream")
  func fromZero() async throws {
    let plan = try Snapshot.plan(replicas: [0, 0, 0, 1, 1], load: [0, 0, 0, 50, 80])
    let metadata = ["activationThreshold": "10", "leadTime": "2m"]
    try await TestScaler.serving([plan], defaults: ScalerDefaults(staleAfter: .seconds(3600))) { scaler in
      var polled = try await Cluster(scaler, KedaDouble(minimum: 0), metadata: metadata)
      _ = try await polled.create()
      var pushed = KedaDouble(minimum: 0)
      let stream = try polled.client.stream("StreamIsActive", "api", metadata)
      #expect(try await stream.next().active == false)
      #expect(try await polled.pass(3) == [0, 0, 0])
      scaler.clock.advance(by: .seconds(45))
      if try await stream.next().active == true { _ = pushed.receive(.pushedActive) }
      #expect(pushed.replicas == 1)
      #expect(try await polled.pass(1) == [1])
    }
  }
}

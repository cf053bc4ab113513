import Foundation
import KedastralCore
import KedastralKubernetes
import KedastralSources
import Testing

@testable import KedastralDaemon

/// Statuses that several lines of a test change.
private final class Holder {
  var value = SourceStatuses()
}

@Suite("Statuses of data sources")
struct SourceStatusesTests {
  private let settings = PolicyReconciler.Settings(knownModels: [], scalerAddress: "s:1")
  private let start = Date(timeIntervalSince1970: 1_800_000_000)
  private let reference = SourceReference(Policies.dataSource())
  private let metadata = ObjectMetadata(
    name: "prometheus", namespace: "shop", uid: "u", resourceVersion: "7", generation: 2)
  private let reachable = PolicyCondition(.sourceReachable, .yes, "SamplesReceived", "")
  private let failing = PolicyCondition(.sourceReachable, .no, "RequestFailed", "no route to host")

  private func use(_ condition: PolicyCondition?, of name: String = "web") throws -> SourceStatuses.Use {
    .init(
      policy: ObjectKey(namespace: "shop", name: name), workload: try WorkloadName("shop_\(name)"),
      isReachable: condition)
  }

  private func actions(
    _ statuses: Holder, _ uses: [SourceStatuses.Use], problem: PolicyTranslation.Problem? = nil,
    owns: Bool = true, after seconds: Double
  ) -> [PolicyReconciler.Action] {
    statuses.value.actions(
      settings, uses: [reference: uses], problems: problem.map { [reference: $0] } ?? [:], owns: { _, _ in owns },
      at: start + seconds)
  }

  private func ready(_ actions: [PolicyReconciler.Action]) -> [String] {
    guard case .sourceStatus(_, let body, _)? = actions.first else { return [] }
    let condition = body["conditions"].elements?.first
    return [condition?["status"].text ?? "", condition?["reason"].text ?? "", condition?["message"].text ?? ""]
  }

  @Test("a status is written when a condition changes, of the version that was read, and not more often than allowed")
  func changes() throws {
    let statuses = Holder()
    statuses.value.note(reference, metadata, nil, at: start)
    #expect(actions(statuses, [try use(nil)], after: 1).isEmpty)
    let first = actions(statuses, [try use(reachable)], after: 2)
    #expect(ready(first).prefix(2) == ["True", "SamplesReceived"])
    guard case .sourceStatus(_, let body, version: "7")? = first.first else {
      Issue.record("\(first)")
      return
    }
    #expect(Set(body.members?.keys.map { $0 } ?? []) == ["conditions", "observedGeneration"])
    #expect(actions(statuses, [try use(reachable)], after: 3600).isEmpty)
    #expect(actions(statuses, [try use(failing)], owns: false, after: 3610).isEmpty)
    let second = actions(statuses, [try use(failing)], after: 3611)
    #expect(ready(second) == ["False", "RequestFailed", "no route to host"])
    guard case .event(let event)? = second.last else {
      Issue.record("\(second)")
      return
    }
    #expect(event.reason == "RequestFailed" && event.namespace == "shop")
    // Back again, but not at once.
    #expect(actions(statuses, [try use(reachable)], after: 3620).isEmpty)
    #expect(actions(statuses, [try use(reachable)], after: 3641).count == 2)
  }

  private func problem(_ spec: JSONValue, check: (WorkloadConfiguration) -> String? = { _ in nil }) -> [String] {
    let translation = PolicyTranslation(knownModels: ModelCatalog.names)
    return translation.problem(of: reference, DescribedSource(spec: spec), check: check)?.texts ?? []
  }

  @Test("a source is checked by itself: its fields are named, and what policies give may be missing")
  func ownProblems() {
    #expect(problem(["type": "prometheus", "config": ["url": "http://p:9090"]]) == [])
    #expect(problem(["type": "prometheus"]) == [])
    #expect(problem(["type": "scrape", "config": ["url": "http://web/metrics"]]) == [])
    #expect(problem(["type": "keda", "secretRefs": ["tls": ["name": "keda"]]]) == [])
    #expect(problem(["type": "http", "config": ["url": "http://web"]]) == [])
    #expect(
      problem(["type": "prometheus", "config": ["url": "http://p:9090", "timout": "3s"]]) == [
        "spec.config.timout: unknown key 'timout'; did you mean timeout?"
      ])
    #expect(
      problem(["type": "prometheus", "config": ["timeout": "soon", "url": "p"]]).map { String($0.prefix(20)) }.sorted()
        == ["spec.config.timeout:", "spec.config.url: 'p'"])
    #expect(problem(["type": "http"]).first?.hasPrefix("spec.config: the key 'url' is missing") == true)
    #expect(
      problem(["type": "http", "config": ["url": "http://web"]]) { _ in "no such template" } == [
        "spec.config: no such template"
      ])
    #expect(problem(["type": "keda"]).first?.hasPrefix("spec.secretRefs.tls: ") == true)
  }

  @Test("an invalid source says so itself, with an event, also when no policy uses it")
  func invalid() throws {
    let statuses = Holder()
    statuses.value.note(reference, metadata, nil, at: start)
    let problem = PolicyTranslation.Problem(texts: ["spec.config.timout: unknown key 'timout'"])
    let first = actions(statuses, [], problem: problem, after: 1)
    #expect(ready(first) == ["False", "InvalidSpec", "spec.config.timout: unknown key 'timout'"])
    guard case .event(let event)? = first.last else {
      Issue.record("\(first)")
      return
    }
    #expect(event.reason == "InvalidSpec")
    #expect(ready(actions(statuses, [try use(reachable)], after: 60)).prefix(2) == ["True", "SamplesReceived"])
  }

  @Test("a source that responds to some policies is reachable, and says to how many it does not respond")
  func some() throws {
    let statuses = Holder()
    statuses.value.note(reference, metadata, nil, at: start)
    let uses = [try use(failing, of: "a"), try use(reachable, of: "b"), try use(nil, of: "c")]
    let status = ready(actions(statuses, uses, after: 0))
    #expect(status.prefix(2) == ["True", "SomeRequestsFail"])
    #expect(status.last == "The source responds, but not to 1 of 3 policies: no route to host")
  }

  @Test("missing credentials and a source that is not used are said")
  func withoutUse() throws {
    let statuses = Holder()
    statuses.value.note(reference, metadata, nil, at: start)
    let problem = PolicyTranslation.Problem(kind: .credentialsNotFound, texts: ["there is no Secret 'prom'"])
    let first = actions(statuses, [try use(nil)], problem: problem, after: 1)
    #expect(ready(first) == ["False", "CredentialsNotFound", "there is no Secret 'prom'"])
    #expect(ready(actions(statuses, [], after: 60)).prefix(2) == ["Unknown", "NotUsed"])
    statuses.value.remove(reference)
    #expect(actions(statuses, [], after: 120).isEmpty)
  }

  @Test("what is on the server already is not written again after a restart")
  func restart() throws {
    let old = Holder()
    old.value.note(reference, metadata, nil, at: start)
    guard case .sourceStatus(_, let body, _)? = actions(old, [try use(reachable)], after: 1).first else {
      Issue.record("no status")
      return
    }
    let new = Holder()
    new.value.note(reference, metadata, body, at: start)
    #expect(actions(new, [try use(reachable)], after: 100).isEmpty)
    // The first requests after the restart are awaited.
    #expect(actions(new, [try use(nil)], after: 1).isEmpty)
  }
}

import Foundation
import KedastralCore
import KedastralEvaluation
import TestSupport
import Testing

@testable import KedastralCommandLine

@Suite("Report of a survey")
struct SurveyReportTests {
  @Test(
    "the labels of a series are added to each selector of the query",
    arguments: [
      ("sum by (app) (rate(requests[5m]))", "sum by (app) (rate(requests{app=\"shop\"}[5m]))"),
      (
        "sum(rate(requests{code=~\"2..\", path!=\"}\"}[5m])) by (app)",
        "sum(rate(requests{app=\"shop\",code=~\"2..\", path!=\"}\"}[5m])) by (app)"
      ),
      ("requests", "requests{app=\"shop\"}"), ("requests{}", "requests{app=\"shop\"}"),
      ("{__name__=\"a:b\"} offset 5m", "{app=\"shop\",__name__=\"a:b\"} offset 5m"),
      (
        "sum by (app) (a:rate5m) / on (app) sum by (app) (b) > bool 1e3",
        "sum by (app) (a:rate5m{app=\"shop\"}) / on (app) sum by (app) (b{app=\"shop\"}) > bool 1e3"
      ),
      (
        "max_over_time(sum without (pod) (x)[1h:5m])", "max_over_time(sum without (pod) (x{app=\"shop\"})[1h:5m])"
      ),
    ])
  func narrowed(query: String, expected: String) {
    let narrowed = NarrowedQuery(query, labels: [("app", "shop")])
    #expect(narrowed.text == expected && narrowed.isNarrow)
  }

  @Test("the whole result is filtered when labels are made by the query, and quotes are escaped")
  func filtered() {
    let made = NarrowedQuery(
      "label_replace(up, \"app\", \"$1\", \"job\", \"(.*)\")", labels: [("app", "a\"b"), ("k", "$1")])
    #expect(!made.isNarrow)
    #expect(
      made.text == """
        (label_replace(up, "app", "$1", "job", "(.*)")) and on (app, k) \
        label_replace(label_replace(vector(1), "app", "a\\"b", "", ""), "k", "$$1", "", "")
        """)
    #expect(!NarrowedQuery("a * on (x) group_left (app) b", labels: [("app", "shop")]).isNarrow)
    #expect(NarrowedQuery("sum(up)", labels: []).text == "sum(up)")
  }

  @Test("workloads are named by the values of their labels, validly and each differently")
  func names() {
    let names = SurveyNames.names([
      [("app", "shop"), ("zone", "eu")], [("app", "shop-eu")], [("path", "/api/v1/")], [], [("app", "…")],
      [("app", "x.y")],
    ])
    #expect(names == ["shop-eu", "shop-eu-2", "api-v1", "all", "workload", "x-y"])
    #expect(names.allSatisfy(WorkloadName.isValid))
  }

  /// Three workloads over ten days: one with a gain, one where it costs pods, and one that stays with the HPA.
  private func report(price: Double? = 0.5, derived: Bool = false) -> SurveyReport {
    func finding(
      _ name: String, _ verdict: SurveyFinding.Verdict, hpa: (Double, Double), plan: (Double, Double)
    ) -> SurveyFinding {
      var finding = SurveyFinding(name: name, medianLoad: 100, peakLoad: 400, targetPerPod: 20.123456, verdict: verdict)
      finding.predictability = .init(relativeError: 0.08, mase: 0.5)
      finding.seasons = [.seconds(86_400), .seconds(604_800)]
      finding.judgedMinutes = 14_400
      finding.setting = .init(level: 0.95, fill: name == "api" ? 0.9 : 1)
      finding.autoscaler = .init(violationMinutes: hpa.0, podHours: hpa.1)
      finding.plan = .init(violationMinutes: plan.0, podHours: plan.1)
      return finding
    }
    var survey = WorkloadSurvey()
    if !derived { survey.target = .given(20.123456) }
    let findings = [
      finding("blog", .autoscaler(.littleToGain), hpa: (3, 1000), plan: (2, 999)),
      finding("api", .forecast, hpa: (100, 500), plan: (10, 520)),
      finding("shop", .forecast, hpa: (90, 2500), plan: (5, 2000)),
      SurveyFinding(
        name: "new", medianLoad: 1, peakLoad: 2, targetPerPod: 1, verdict: .autoscaler(.tooShort(days: 1.5))),
    ]
    return SurveyReport(
      findings.map { SurveyedWorkload(finding: $0, query: "load{app=\"\($0.name)\"}") },
      .init(
        query: "sum by (app) (load)", url: "http://localhost:9090", days: 28, step: .seconds(60), survey: survey,
        price: price, madeAt: Date(timeIntervalSince1970: 1_767_225_600)))
  }

  @Test("the table is ordered by what is gained, and names why a workload should stay with an HPA")
  func table() {
    let lines = report().text(.table, style: .plain).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
    #expect(
      lines[0]
        == "2 of 4 workloads are worth a forecast: in 10.0 days 175 minutes with too few pods avoided, 480 pod-hours saved (16 %), 720 saved in 30 days."
    )
    #expect(lines[1] == "A pod serves 20.123456, as given with --target-per-pod.")
    #expect(
      lines[5].hasPrefix("workload  recommended ")
        && lines[5].hasSuffix("short min HPA  plan  pod-hours HPA  plan  saved   money"))
    #expect(
      lines[6].hasPrefix("shop      forecast, p95 ")
        && lines[6].contains(" 99.9 %  ") && lines[6].hasSuffix(" 90     5           2500  2000   20 %  250.00"))
    #expect(
      lines[7].hasPrefix("api       forecast, p95, 90 % filled ")
        && lines[7].hasSuffix(" 100    10            500   520   -4 %  -10.00"))
    #expect(
      lines[8].hasPrefix("blog      HPA: little to gain ") && lines[8].contains("high (error 8 %)  1 day, 1 week"))
    #expect(lines[9].hasPrefix("new       HPA: too little history ") && lines[9].hasSuffix("–"))
    #expect(
      lines[11...] == [
        "These should stay with an HPA:", "  blog: an HPA serves this load about as well",
        "  new: there are only 1.5 days of samples, expected at least 4 days",
      ])
    #expect(report(derived: true).text(.table, style: .plain).contains("Derived, not known: a pod serves so much that"))
  }

  @Test("the json has the sums, and for each workload the recommendation and its reason")
  func json() throws {
    let text = report().text(.json, style: .plain)
    let document = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(document["isTargetDerived"] as? Bool == false && document["minutesAvoided"] as? Double == 175)
    let workloads = try #require(document["workloads"] as? [[String: Any]])
    #expect(workloads.map { $0["workload"] as? String } == ["shop", "api", "blog", "new"])
    #expect(workloads.map { $0["recommended"] as? String } == ["forecast", "forecast", "hpa", "hpa"])
    #expect(workloads[2]["reason"] as? String == "little-to-gain" && workloads[0]["quantileLevel"] as? Double == 0.95)
    // Five of 14,400 minutes; and nothing where an HPA is enough.
    #expect(workloads.map { $0["objective"] as? Double } == [0.999, 0.999, nil, nil])
    #expect((workloads[0]["plan"] as? [String: Double]) == ["violationMinutes": 5, "podHours": 2000])
    #expect(workloads[3]["plan"] == nil)
  }

  @Test("the yaml has the workloads that are worth it, in dry run, and says when the target is derived")
  func yaml() {
    let text = report(derived: true).text(.yaml, style: .plain)
    #expect(
      text.split(separator: "\n").dropFirst(3).joined(separator: "\n") == """
        defaults:
          metric: load
          dryRun: true
          source:
            type: prometheus
            url: "http://localhost:9090"
        workloads:
          - name: "shop"  # 85 fewer minutes with too few pods and 500 fewer pod-hours
            source:
              query: "load{app=\\"shop\\"}"
            policy:
              targetPerPod: 20.12
              quantileLevel: 0.95  # or objective: 99.9%
              min: 1
              max: 40
          - name: "api"  # 90 fewer minutes with too few pods for 20 more pod-hours
            source:
              query: "load{app=\\"api\\"}"
            policy:
              targetPerPod: 18.11
              quantileLevel: 0.95  # or objective: 99.9%
              min: 1
              max: 40
        scaler:
          leadTime: 3m15s
        """)
    #expect(text.contains("# targetPerPod is derived, not known"))
    #expect(!report().text(.yaml, style: .plain).contains("is derived"))
  }

  @Test("the page is self-contained, escapes names, and has both kinds of workloads")
  func html() {
    var surveyed = report()
    let page = surveyed.text(.html, style: .plain)
    #expect(page.hasPrefix("<!doctype html>") && page.hasSuffix("</html>"))
    #expect(!page.contains("<script") && !page.contains("src=") && !page.contains("http-equiv"))
    #expect(page.contains("prefers-color-scheme: dark") && page.contains("<b>2 of 4</b>"))
    #expect(page.contains("<th scope=\"row\">shop</th>") && page.contains("<td class=\"n\">2,500 → 2,000</td>"))
    #expect(page.contains("an HPA serves this load about as well"))
    surveyed = SurveyReport(
      [surveyed.workloads[0]].map { workload in
        var workload = workload
        workload.finding.name = "<b>"
        return workload
      }, surveyed.conditions)
    #expect(surveyed.text(.html, style: .plain).contains("<th scope=\"row\">&lt;b&gt;</th>"))
  }

  @Test("without a workload that is worth it, the report advises to stay with the HPA")
  func none() {
    let report = report()
    let none = SurveyReport(report.workloads.filter { !$0.finding.isWorthIt }, report.conditions)
    #expect(none.summary == "None of 2 workloads is worth a forecast: stay with the HPA")
    #expect(none.text(.yaml, style: .plain).hasPrefix("# None of 2 workloads"))
    #expect(none.text(.html, style: .plain).contains("None of 2 workloads"))
  }

  @Test("numbers are rounded to digits and grouped")
  func numbers() {
    #expect([12_345.6, 0.0012344, -56.785, 0].map { $0.rounded(digits: 4) } == [12_350, 0.001234, -56.79, 0])
    #expect([0, 999, 1000, 1_234_567.4, -4321].map(\.grouped) == ["0", "999", "1,000", "1,234,567", "-4,321"])
  }
}

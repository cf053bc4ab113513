import KedastralCore
import Testing

@testable import KedastralDaemon

@Suite("Errors in a configuration file state place, problem and expected value")
struct BrokenConfigurationTests {
  /// One broken file: its content, and every line that is reported.
  struct Broken: CustomTestStringConvertible, Sendable {
    var what: String
    var file: String
    var lines: [String]
    var arguments: [String] = []
    var testDescription: String { what }
  }

  /// A file with one workload and these lines in it.
  private static func workload(_ lines: String) -> String {
    "workloads:\n  - name: api\n    metric: rps\n    source: {query: up}\n"
      + lines.split(separator: "\n").map { "    \($0)\n" }.joined()
  }

  static let all: [Broken] = [
    Broken(
      what: "an unknown time zone", file: workload("timeZone: Europe/Berlim"),
      lines: [
        "k.yaml:5:15: workloads[0].timeZone: the time zone 'Europe/Berlim' is not in /usr/share/zoneinfo; write one such as UTC or Europe/Berlin, or install tzdata"
      ]),
    Broken(
      what: "a country without known holidays", file: workload("calendar: {country: Narnia}"),
      lines: [
        "k.yaml:5:25: workloads[0].calendar.country: 'Narnia' is not a country or state whose holidays are known; known are AT, BE, CH, CZ, DE, DK, ES, FI, FR, GB, IE, IT, NL, NO, PL, PT, SE, US, and states such as DE-BY and GB-SCT; or name an iCalendar file in holidaysFile"
      ]),
    Broken(
      what: "a calendar file that is not there", file: workload("calendar: {eventsFile: /nowhere/events.ics}"),
      lines: [
        "k.yaml:5:28: workloads[0].calendar.eventsFile: cannot read '/nowhere/events.ics': No such file or directory"
      ]),
    Broken(
      what: "days of a calendar that cannot be",
      file: workload(
        """
        calendar:
          days:
            - {name: a, date: 2026-02-29}
            - {name: b, start: 2026-11-27 18:00, end: 2026-11-27 17:00}
            - {name: c, start: 2026-11-27}
            - {name: d, date: 2026-11-27, before: 20d, load: 100}
            - {name: e, date: 2026-11-27, like: sunday, load: 2}
            - {name: f}
            - {date: 2026-11-27}
        """),
      lines: [
        "k.yaml:7:27: workloads[0].calendar.days[0].date: '2026-02-29' is not a date; write one such as 2026-12-24",
        "k.yaml:8:51: workloads[0].calendar.days[1].end: the end 2026-11-27 17:00 is not after the start 2026-11-27 18:00, or more than 60 days after it",
        "k.yaml:9:28: workloads[0].calendar.days[2].start: '2026-11-27' is not a date and time; write local time, such as 2026-11-27 18:00",
        "k.yaml:10:47: workloads[0].calendar.days[3].before: the duration 20d is not between 0 and 14 days; write one such as 6h",
        "k.yaml:10:58: workloads[0].calendar.days[3].load: the factor 100.0 is not between 0.05 and 20; write one such as 1.5",
        "k.yaml:11:59: workloads[0].calendar.days[4].load: 'like' and 'load' exclude each other; remove one of them",
        "k.yaml:12:11: workloads[0].calendar.days[5]: the key 'date' is missing: the day, such as 2026-12-24; or 'start' and 'end', local times",
        "k.yaml:13:11: workloads[0].calendar.days[6]: the key 'name' is missing: what the day is called; days with the same name have the same effect",
      ]),
    Broken(
      what: "a shortage that earns something", file: workload("policy: {shortageCost: -3}"),
      lines: [
        "k.yaml:5:28: workloads[0].policy.shortageCost: the shortage cost -3.0 is negative; write pod-minutes such as 30, or 0 to use the quantile or headroom"
      ]),
    Broken(
      what: "an accuracy gate that is not a share", file: workload("policy: {accuracyGate: -1}"),
      lines: [
        "k.yaml:5:28: workloads[0].policy.accuracyGate: the accuracy gate -1.0 is negative; write a share of the load such as 0.5, or 0 for none"
      ]),
    Broken(
      what: "an activation threshold below nothing", file: workload("policy: {activationThreshold: -3}"),
      lines: [
        "k.yaml:5:35: workloads[0].policy.activationThreshold: the activation threshold -3.0 is negative; write a load of 0 or more"
      ]),
    Broken(
      what: "a dry run that is neither on nor off", file: workload("dryRun: maybe"),
      lines: ["k.yaml:5:13: workloads[0].dryRun: 'maybe' is neither true nor false; write true or false"]),
    Broken(
      what: "a schedule that is not a cron expression",
      file: workload("policy: {schedules: [{begins: 30 25 * * *, duration: 1h, min: 2}]}"),
      lines: [
        "k.yaml:5:35: workloads[0].policy.schedules[0].begins: '30 25 * * *' is not a schedule such as \"30 8 * * mon-fri\"; '25' is not a valid hour; write 0 to 23"
      ]),
    Broken(
      what: "a schedule without times and bounds", file: workload("policy: {schedules: [{}]}"),
      lines: [
        "k.yaml:5:26: workloads[0].policy.schedules[0]: the key 'begins' is missing: the time at which the bounds begin to apply, such as \"30 8 * * mon-fri\"",
        "k.yaml:5:26: workloads[0].policy.schedules[0]: the key 'duration' is missing: how long they apply, such as 2h",
        "k.yaml:5:26: workloads[0].policy.schedules[0]: the key 'min' is missing: the minimum replicas during this time, or 'max', the maximum",
      ]),
    Broken(
      what: "a schedule's minimum above the workload's maximum",
      file: workload("policy:\n  max: 9\n  schedules:\n    - {begins: 0 8 * * *, duration: 0s, min: 20}"),
      lines: [
        "k.yaml:8:41: workloads[0].policy.schedules[0].duration: the duration 0s is not between 0 and a year; write one such as 2h",
        "k.yaml:8:50: workloads[0].policy.schedules[0].min: the schedule's minimum 20 is more than the workload's maximum 9; raise policy.max",
      ]),
    Broken(
      what: "a schedule's minimum above its maximum",
      file: workload("policy: {schedules: [{begins: 0 8 * * *, duration: 1h, min: 5, max: 2}]}"),
      lines: [
        "k.yaml:5:65: workloads[0].policy.schedules[0].min: the minimum 5 is more than the maximum 2; raise one or lower the other"
      ]),
    Broken(
      what: "another metric that says nothing of itself", file: workload("otherMetrics:\n  - {}"),
      lines: [
        "k.yaml:6:9: workloads[0].otherMetrics[0]: the key 'metric' is missing: name of the load in plans and on the page, such as rps",
        "k.yaml:6:9: workloads[0].otherMetrics[0]: the key 'source.query' is missing: query that returns one series, the load; aggregate with sum()",
        "k.yaml:6:9: workloads[0].otherMetrics[0]: the key 'policy.targetPerPod' is missing: load that one pod should serve, in the metric's unit",
      ]),
    Broken(
      what: "other metrics for all workloads",
      file: "defaults: {otherMetrics: [{metric: queue}]}\n" + workload(""),
      lines: [
        "k.yaml:1:27: defaults.otherMetrics[0]: defaults apply to every workload, so they cannot have other metrics; move them to a workload"
      ]),
    Broken(
      what: "forecasts exported for times that are not forecast",
      file: workload("horizon: 15m\nseries: {ahead: [0s, 5m, 20m], quantiles: [p90, 1.2]}"),
      lines: [
        "k.yaml:6:21: workloads[0].series.ahead: 0s ahead is not between 0 and the horizon 15m; shorten it or lengthen the horizon",
        "k.yaml:6:21: workloads[0].series.ahead: 20m ahead is not between 0 and the horizon 15m; shorten it or lengthen the horizon",
        "k.yaml:6:47: workloads[0].series.quantiles: 'p90, 1.2' is outside the range 0 to 1 (1 excluded); write p90 or 0.90, or 0 for none",
      ]),
    Broken(
      what: "an unknown section", file: "workload:\n  - name: api\n",
      lines: [
        "no workload is given; use -workload NAME -metric NAME -adapter-query PROMQL (or WORKLOAD, METRIC, ADAPTER_QUERY), or -config FILE with workloads",
        "k.yaml:1:1: unknown key 'workload'; did you mean workloads?",
      ]),
    Broken(
      what: "an unknown key", file: workload("horizont: 1h"),
      lines: ["k.yaml:5:5: workloads[0]: unknown key 'horizont'; did you mean horizon?"]),
    Broken(
      what: "a forecast to write, without a receiver", file: workload("horizon: 15m\nseries: {write: 20m}"),
      lines: [
        "k.yaml:2:11: workloads[0].name: the forecast is to be written (series.write), but there is no receiver; set seriesWrite.url",
        "k.yaml:6:21: workloads[0].series.write: 20m is not between 0 and the horizon 15m; shorten it or lengthen the horizon",
      ]),
    Broken(
      what: "a key in the wrong section", file: workload("targetPerPod: 5"),
      lines: [
        "k.yaml:5:5: workloads[0]: unknown key 'targetPerPod'; known: bridge, calendar, covariates, dropWhileStarting, dryRun, horizon, interval, labels, leadTime, leadTimeQuery, maxSampleAge, metric, model, name, otherMetrics, policy, replicasQuery, series, settleTime, source, startingPodsQuery, step, timeZone, window"
      ]),
    Broken(
      what: "an unknown key of the policy", file: workload("policy: {target: 5}"),
      lines: [
        "k.yaml:5:14: workloads[0].policy: unknown key 'target'; known: accuracyGate, activationThreshold, downMaxPercent, headroom, max, min, objective, prewarmSteps, quantileLevel, reactiveFloor, rounding, schedules, shortageCost, targetPerPod, upMaxFactor"
      ]),
    Broken(
      what: "an objective and a quantile level", file: workload("policy: {objective: 99.9%, quantileLevel: p90}"),
      lines: [
        "k.yaml:5:25: workloads[0].policy.objective: an objective and a quantile level exclude each other; remove one of them"
      ]),
    Broken(
      what: "an objective of everything", file: workload("policy: {objective: 100%}"),
      lines: [
        "k.yaml:5:25: workloads[0].policy.objective: '100%' is not above 50% and below 100%; write 99.9% or 0.999, one of cost, balanced and safe, or 0 for none"
      ]),
    Broken(
      what: "a negative target", file: workload("policy: {targetPerPod: -5}"),
      lines: [
        "k.yaml:5:28: workloads[0].policy.targetPerPod: the target per pod -5.0 is not positive; write the load that one pod can serve, such as 100"
      ]),
    Broken(
      what: "a minimum above the maximum", file: workload("policy:\n  min: 9\n  max: 3"),
      lines: [
        "k.yaml:6:12: workloads[0].policy.min: the minimum 9 is more than the maximum 3; raise one or lower the other"
      ]),
    Broken(
      what: "a minimum above the default maximum", file: workload("policy: {min: 200}"),
      lines: [
        "k.yaml:5:19: workloads[0].policy.min: the minimum 200 is more than the maximum 100; raise one or lower the other"
      ]),
    Broken(
      what: "a maximum of a flag below the file's minimum", file: workload("policy: {min: 5}"),
      lines: [
        "k.yaml:5:19: workloads[0].policy.min: the minimum 5 is more than the maximum 2; raise one or lower the other"
      ], arguments: ["-max=2"]),
    Broken(
      what: "an unknown model", file: workload("model: prophet"),
      lines: [
        "k.yaml:5:12: workloads[0].model: 'prophet' is not a known model; known: arima, auto, baseline, byom, ets, sarima, theta"
      ]),
    Broken(
      what: "a misspelt model", file: workload("model: {name: basline}"),
      lines: ["k.yaml:5:19: workloads[0].model.name: 'basline' is not a known model; did you mean baseline?"]),
    Broken(
      what: "a model of one's own without its service", file: workload("model: byom"),
      lines: [
        "k.yaml:5:12: workloads[0].model: the model byom needs the URL of the forecasting service; give byomUrl (-byom-url, BYOM_URL)"
      ]),
    Broken(
      what: "orders of a model that has none", file: workload("model: {name: theta, p: 1}"),
      lines: ["k.yaml:5:29: workloads[0].model.p: the model theta has no order 'p'; only arima and sarima have"]),
    Broken(
      what: "two workloads with one name",
      file: workload("")
        + "  - {name: web, metric: rps, source: {query: up}}\n  - {name: api, metric: rps, source: {query: up}}\n",
      lines: [
        "k.yaml:6:12: workloads[2].name: there is already a workload 'api' (k.yaml:2); give each workload a different name"
      ]),
    Broken(
      what: "an invalid name", file: "workloads: [{name: -api, metric: rps, source: {query: up}}]",
      lines: [
        "k.yaml:1:20: workloads[0].name: '-api' is not a workload name; use 1 to 253 letters, digits, '-' and '_', with a letter or digit at both ends"
      ]),
    Broken(
      what: "a workload that says nothing", file: "workloads:\n  - {}\n",
      lines: [
        "k.yaml:2:5: workloads[0]: the key 'name' is missing: the workload's name, which the KEDA trigger refers to",
        "k.yaml:2:5: workloads[0]: the key 'metric' is missing: name of the load in plans and on the page, such as rps",
        "k.yaml:2:5: workloads[0]: the key 'source.query' is missing: query that returns one series, the load; aggregate with sum()",
      ]),
    Broken(
      what: "a step longer than the horizon", file: workload("step: 1h\nhorizon: 30m"),
      lines: [
        "k.yaml:6:14: workloads[0].horizon: the horizon 30m is shorter than the step 1h; it must hold at least one step"
      ]),
    Broken(
      what: "a step longer than the default horizon", file: workload("step: 1h\nwindow: 30d"),
      lines: [
        "k.yaml:5:11: workloads[0].step: the horizon 30m is shorter than the step 1h; it must hold at least one step"
      ]),
    Broken(
      what: "an interval of 0", file: workload("interval: 0"),
      lines: ["k.yaml:5:15: workloads[0].interval: the interval 0s is not positive; write one such as 30s"]),
    Broken(
      what: "a step below a second", file: workload("step: 10ms"),
      lines: ["k.yaml:5:11: workloads[0].step: the step 10ms is shorter than a second; write one such as 1m"]),
    Broken(
      what: "a window of one step", file: workload("window: 1m"),
      lines: ["k.yaml:5:13: workloads[0].window: the window 1m is shorter than two steps of 1m; lengthen it"]),
    Broken(
      what: "a duration without a unit", file: workload("horizon: 30"),
      lines: [
        "k.yaml:5:14: workloads[0].horizon: '30' is not a duration; write a number with a unit (ns, us, ms, s, m, h, d, w) or a sum of them, such as 30s, 5m or 1d12h"
      ]),
    Broken(
      what: "a URL that is none", file: "defaults: {source: {url: 'prometheus:9090'}}\n" + workload(""),
      lines: [
        "k.yaml:1:26: defaults.source.url: 'prometheus:9090' is not an http or https URL; write one such as http://prometheus:9090"
      ]),
    Broken(
      what: "a quantile outside of 0 to 1", file: workload("policy: {quantileLevel: 90}"),
      lines: [
        "k.yaml:5:29: workloads[0].policy.quantileLevel: '90' is outside the range 0 to 1 (1 excluded); write p90 or 0.90, or 0 to use the headroom instead"
      ]),
    Broken(
      what: "a headroom of 0 and a shrinkage of 120 %", file: workload("policy: {headroom: 0, downMaxPercent: 120}"),
      lines: [
        "k.yaml:5:24: workloads[0].policy.headroom: the headroom 0.0 is not positive; write 1.2 to add 20 %",
        "k.yaml:5:43: workloads[0].policy.downMaxPercent: the percentage 120.0 is outside the range 0 to 100; write 50 so that replicas can halve per step",
      ]),
    Broken(
      what: "a growth factor below 1", file: workload("policy: {upMaxFactor: 0.5}"),
      lines: [
        "k.yaml:5:27: workloads[0].policy.upMaxFactor: the growth factor 0.5 is less than 1; write 2 so that replicas can double per step"
      ]),
    Broken(
      what: "a value where a mapping belongs", file: workload("policy: 5"),
      lines: ["k.yaml:5:13: workloads[0].policy: expected a mapping of keys, found a single value"]),
    Broken(
      what: "a query that YAML takes for a mapping",
      file: "workloads:\n  - {name: api, metric: rps, source: {query: {job: x}}}\n",
      lines: [
        "k.yaml:2:46: workloads[0].source.query: expected a single value, found a mapping of keys; quote the value if it begins with { or has ': ' in it"
      ]),
    Broken(
      what: "a key of another kind of source",
      file: "workloads:\n  - {name: api, metric: rps, source: {type: csv, path: x.csv, query: up}}\n",
      lines: [
        "k.yaml:2:70: workloads[0].source.query: a source of type csv has no key 'query'; its keys are path, speed"
      ]),
    Broken(
      what: "a misspelt kind of source",
      file: "workloads: [{name: a, metric: b, source: {type: prometeus, query: up}}]",
      lines: [
        "k.yaml:1:49: workloads[0].source.type: 'prometeus' is not one of prometheus, victoriametrics, http, csv, scrape, keda, otlp, remoteWrite; did you mean prometheus?"
      ]),
    Broken(
      what: "two ways to authenticate",
      file: "workloads: [{name: a, metric: b, source: {query: up, bearerToken: hunter2, basicUser: me}}]",
      lines: [
        "k.yaml:1:87: workloads[0].source.basicUser: a bearer token, a bearer token file and a basic user are given together; keep one of them"
      ]),
    Broken(
      what: "an unset variable",
      file: "storage: {type: redis, redis: {password: '${REDIS_PASSWORD}'}}\n" + workload(""),
      lines: [
        "k.yaml:1:42: storage.redis.password: the environment variable REDIS_PASSWORD is not set; set it, or write $${REDIS_PASSWORD} for the literal text"
      ]),
    Broken(
      what: "a Redis TTL below the interval",
      file: "storage: {type: redis, redis: {ttl: 30s}}\n" + workload("interval: 1m"),
      lines: [
        "k.yaml:6:15: workloads[0].interval: the interval 1m is not shorter than the Redis TTL 30s, so plans would expire before they are renewed; lengthen the TTL"
      ]),
    Broken(
      what: "a Redis URL beside an address",
      file: "storage: {type: redis, redis: {url: 'redis://:hunter2@a', addr: 'b:6379'}}\n" + workload(""),
      lines: [
        "k.yaml:1:37: storage.redis.url: a Redis URL and an address (k.yaml:1:65: storage.redis.addr) are given together; keep one of them"
      ]),
    Broken(
      what: "sentinels without a master",
      file: "storage: {type: redis, redis: {sentinels: ['a:26379', 'b:26379'], db: -1}}\n" + workload(""),
      lines: [
        "k.yaml:1:43: storage.redis.sentinels: sentinels need the master's name; give -redis-sentinel-master",
        "k.yaml:1:71: storage.redis.db: the database number -1 is negative; write 0 or more",
      ]),
    Broken(
      what: "TLS without a key", file: "tls: {enabled: true, certFile: /tls.crt}\n" + workload(""),
      lines: [
        "k.yaml:1:32: tls.certFile: a certificate and its key must be given together; give both -tls-cert-file and -tls-key-file"
      ]),
    Broken(
      what: "TLS without a certificate", file: "tls: {enabled: true}\n" + workload(""),
      lines: ["k.yaml:1:16: tls.enabled: TLS needs a certificate and its key; give -tls-cert-file and -tls-key-file"]),
    Broken(
      what: "a name in the defaults", file: "defaults: {name: api}\n" + workload(""),
      lines: [
        "k.yaml:1:18: defaults.name: defaults apply to every workload, so they cannot have a name; move it to a workload"
      ]),
    Broken(
      what: "a workload by flags beside workloads of the file", file: workload(""),
      lines: [
        "-workload: describes a single workload, but the file describes its own (from k.yaml:2); move it there",
        "-adapter-url: describes a single workload, but the file describes its own (from k.yaml:2); move it there",
      ], arguments: ["-workload=web", "-adapter-url=http://p"]),
    Broken(
      what: "a bad time zone", file: workload("timeZone: 'UTC + 1'"),
      lines: [
        "k.yaml:5:15: workloads[0].timeZone: 'UTC + 1' is not the name of a time zone; write one such as UTC or Europe/Berlin"
      ]),
    Broken(
      what: "no YAML", file: "workloads:\n  - name: api\n   metric: rps\n",
      lines: ["k.yaml:3:4: is not valid YAML: did not find expected '-' indicator"]),
    Broken(
      what: "everything at once, from top to bottom",
      file: "listen: 8081\nlog: {level: loud}\n"
        + workload("horizn: 1h\npolicy: {min: x, targetPerPod: 0}\nmodel: prophet"),
      lines: [
        "unknown flag -mni; did you mean -min?",
        "k.yaml:1:9: listen: '8081' is not a host and port; write one such as :8081, 127.0.0.1:8081 or [::1]:8081",
        "k.yaml:2:14: log.level: 'loud' is not one of debug, info, warn, error; choose one of them",
        "k.yaml:7:5: workloads[0]: unknown key 'horizn'; did you mean horizon?",
        "k.yaml:8:19: workloads[0].policy.min: 'x' is not a whole number; write one such as 3",
        "k.yaml:8:36: workloads[0].policy.targetPerPod: the target per pod 0.0 is not positive; write the load that one pod can serve, such as 100",
        "k.yaml:9:12: workloads[0].model: 'prophet' is not a known model; known: arima, auto, baseline, byom, ets, sarima, theta",
      ], arguments: ["-mni=2"]),
  ]

  @Test("each error is reported exactly", arguments: all)
  func message(broken: Broken) {
    #expect(problems { _ = try forecaster(file: broken.file, broken.arguments) } == broken.lines)
  }

  @Test("a damaged file is read or reported, without a crash")
  func damaged() {
    var random = SystemRandomNumberGenerator()
    let whole = Array(Self.all.map(\.file).joined().utf8) + Array(HelpText.exampleFile.utf8)
    for _ in 0..<300 {
      let start = Int.random(in: 0..<whole.count, using: &random)
      var bytes = Array(whole[start...].prefix(400))
      for _ in 0..<3 {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...127, using: &random)
      }
      let lines = problems { _ = try forecaster(file: String(decoding: bytes, as: UTF8.self)) }
      #expect(lines.allSatisfy { !$0.hasPrefix("another error") })
    }
  }

  @Test("no message shows a secret", arguments: all)
  func noSecret(broken: Broken) {
    #expect(!problems { _ = try forecaster(file: broken.file, broken.arguments) }.joined().contains("hunter2"))
  }

  @Test("in one process, plans that would always be stale are rejected")
  func staleByInterval() {
    let file = Self.workload("interval: 5m")
    #expect(
      problems { _ = try loader(file).allInOne(arguments: ["-config=k.yaml"]) } == [
        "-stale-after (default): workload 'api' is forecast every 5m, but its plan is stale after 2m; lengthen stale-after to more than the interval"
      ])
    #expect(problems { _ = try loader(file).allInOne(arguments: ["-config=k.yaml", "-stale-after=11m"]) } == [])
  }

  @Test("a scaler refuses a negative lead time and an age of 0")
  func scaler() {
    #expect(
      problems { _ = try loader().scaler(arguments: ["-lead-time=-5m", "-stale-after=0"]) } == [
        "-lead-time: the lead time -5m is negative; write one such as 5m, or 0",
        "-stale-after: the age 0s is not positive; write one such as 2m",
      ])
  }
}

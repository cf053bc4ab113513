import KedastralCore
import Testing

@testable import KedastralDaemon

@Suite("Flags and environment")
struct CommandLineTests {
  @Test(
    "one dash or two, with an equals sign or a space",
    arguments: [["-horizon=1h"], ["--horizon=1h"], ["-horizon", "1h"], ["--horizon", "1h"]])
  func forms(arguments: [String]) throws {
    #expect(try forecaster(arguments).workloads[0].horizon == .seconds(3600))
  }

  @Test(
    "a switch is on by its name alone and takes a value after an equals sign",
    arguments: [
      (["-reactive-floor"], true), (["-reactive-floor=true"], true), (["--reactive-floor=false"], false),
      (["-reactive-floor=1", "-reactive-floor=F"], false), ([], false),
    ])
  func switches(arguments: [String], isOn: Bool) throws {
    #expect(try forecaster(arguments).workloads[0].policy.reactiveFloor == isOn)
  }

  @Test("a switch takes no value after a space")
  func switchAndSpace() {
    #expect(
      problems { _ = try forecaster(["-reactive-floor", "false"]) } == [
        "unexpected argument 'false'; settings begin with a dash, see --help"
      ])
  }

  @Test("a query may hold equals signs, dashes and spaces")
  func queryText() throws {
    let query = #"sum(rate(x{a="b",c!="-d"}[1m])) - 5"#
    for arguments in [["-adapter-query=\(query)"], ["-adapter-query", query], ["-adapter-query", "-vector(1)"]] {
      guard case .prometheus(let source) = try forecaster(arguments).workloads[0].source else {
        Issue.record("no Prometheus source")
        return
      }
      #expect(source.query == (arguments.last == "-vector(1)" ? "-vector(1)" : query))
    }
  }

  @Test("help and version override all errors", arguments: ["-h", "-help", "--help"])
  func help(flag: String) throws {
    guard case .help(let text) = try loader().forecaster(arguments: ["-nonsense", flag]) else {
      Issue.record("no help")
      return
    }
    #expect(text.hasPrefix("kedastral-forecaster forecasts"))
    guard case .version = try loader().scaler(arguments: ["--version"]) else {
      Issue.record("no version")
      return
    }
  }

  @Test("an empty variable counts as not set, and a flag overrides an invalid one")
  func emptyVariable() throws {
    let configuration = try forecaster(["-step=5m"], environment: ["HORIZON": "", "STEP": "soon"])
    #expect(configuration.workloads[0].horizon == .seconds(1800))
    #expect(configuration.workloads[0].step == .seconds(300))
  }

  @Test("an empty flag removes a value set by the environment")
  func emptyFlag() throws {
    let configuration = try forecaster(["-tls-ca-file="], environment: ["TLS_CA_FILE": "/ca.pem"])
    #expect(configuration.tls.files.authorities == nil)
  }

  @Test("earlier names of the adapter's settings are accepted, and set the kind of server")
  func earlierNames() throws {
    let flags = ["-workload=api", "-metric=rps"]
    let prometheus = try running(
      loader().forecaster(arguments: flags + ["-prom-url=http://p:9090", "-prom-query=up"]))
    let victoria = try running(
      loader(environment: ["VICTORIA_METRICS_QUERY": "up"]).forecaster(arguments: flags))
    guard case .prometheus(let first) = prometheus.workloads[0].source,
      case .prometheus(let second) = victoria.workloads[0].source
    else {
      Issue.record("no Prometheus sources")
      return
    }
    #expect(first.kind == .prometheus && first.endpoint.url == "http://p:9090" && first.query == "up")
    #expect(second.kind == .victoriametrics && second.endpoint.url == "http://localhost:8428" && second.query == "up")
  }

  @Test(
    "an invalid flag or variable is reported by name, with the expected value",
    arguments: [
      (["-horizn=1h"], [:], "unknown flag -horizn; did you mean -horizon?"),
      (["-colour=red"], [:], "unknown flag -colour; see --help"),
      (
        ["-lead-time=5m"], [:],
        "kedastral-forecaster has no flag -lead-time; it belongs to kedastral and kedastral-scaler"
      ),
      (["own.yaml"], [:], "unexpected argument 'own.yaml'; to read a file write -config own.yaml"),
      (["stray"], [:], "unexpected argument 'stray'; settings begin with a dash, see --help"),
      (["-min"], [:], "-min: needs a value; write -min=N"),
      (["-min", "-max=5"], [:], "-min: needs a value; write -min=N"),
      (["-min=two"], [:], "-min: 'two' is not a whole number; write one such as 3"),
      (["-headroom=20%"], [:], "-headroom: '20%' is not a number; write one such as 1.2"),
      (["-reactive-floor=yes"], [:], "-reactive-floor: 'yes' is neither true nor false; write true or false"),
      (
        ["-storage=reddis"], [:],
        "-storage: 'reddis' is not one of memory, redis; did you mean redis?"
      ),
      (
        [], ["HORIZON": "30"],
        "HORIZON: '30' is not a duration; write a number with a unit (ns, us, ms, s, m, h, d, w) or a sum of them, such as 30s, 5m or 1d12h"
      ),
      (
        [], ["QUANTILE_LEVEL": "90"],
        "QUANTILE_LEVEL: '90' is outside the range 0 to 1 (1 excluded); write p90 or 0.90, or 0 to use the headroom instead"
      ),
      (
        [], ["ADAPTER_URL": "u:hunter2@p:9090"],
        "ADAPTER_URL: 'u:hunter2@p:9090' is not an http or https URL; write one such as http://prometheus:9090"
      ),
      (
        [], ["ADAPTER_URL": "ftp://u:hunter2@p"],
        "ADAPTER_URL: 'ftp://***@p' is not an http or https URL; write one such as http://prometheus:9090"
      ),
      (
        [], ["ADAPTER_HEADERS": "hunter2"],
        "ADAPTER_HEADERS: the value (not shown) is not a list of pairs; write Name=value,Other=value or a JSON object of strings"
      ),
      ([], ["ADAPTER_QUREY": "up"], "ADAPTER_QUREY: no setting has this name; did you mean ADAPTER_QUERY?"),
      (
        ["-redis-url=hunter2"], [:],
        "-redis-url: the value (not shown) is not a Redis URL: no scheme; write one such as redis://redis:6379/0 or rediss://user:password@redis:6380"
      ),
      (
        ["-workload=a b"], [:],
        "-workload: 'a b' is not a workload name; use 1 to 253 letters, digits, '-' and '_', with a letter or digit at both ends"
      ),
      (
        ["-listen=8081"], [:],
        "-listen: '8081' is not a host and port; write one such as :8081, 127.0.0.1:8081 or [::1]:8081"
      ),
      (["-config=none.yaml"], [:], "-config: cannot read 'none.yaml': No such file or directory"),
      ([], ["CONFIG_FILE": "none.yaml"], "CONFIG_FILE: cannot read 'none.yaml': No such file or directory"),
    ] as [([String], [String: String], String)])
  func wrong(arguments: [String], environment: [String: String], message: String) {
    #expect(problems { _ = try forecaster(arguments, environment: environment) } == [message])
  }

  @Test("missing settings of a workload are reported with flag and variable")
  func missing() {
    #expect(
      problems { _ = try loader().forecaster(arguments: []) } == [
        "no workload is given; use -workload NAME -metric NAME -adapter-query PROMQL (or WORKLOAD, METRIC, ADAPTER_QUERY), or -config FILE with workloads"
      ])
    #expect(
      problems { _ = try loader().forecaster(arguments: ["-workload=api"]) } == [
        "-metric is missing (or METRIC): name of the load in plans and on the page, such as rps",
        "-adapter-query is missing (or ADAPTER_QUERY): query that returns one series, the load; aggregate with sum()",
      ])
    #expect(
      problems {
        _ = try loader().forecaster(arguments: ["-workload=api", "-metric=m", "-adapter=http", "-adapter-url=x"])
      }
        == [
          "-adapter-url: 'x' is not an http or https URL; write one such as http://prometheus:9090",
          "-adapter-value-path is missing (or ADAPTER_VALUE_PATH): http: path of the values in the JSON response, such as data.#.value",
        ])
  }
}

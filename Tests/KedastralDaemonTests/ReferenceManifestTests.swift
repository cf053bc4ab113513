import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralModels
import KedastralNet
import KedastralRedisStore
import KedastralSources
import Testing

@testable import KedastralDaemon

@Suite("Settings of a deployment of the Go implementation")
struct ReferenceManifestTests {
  /// Every setting of the two daemons, given by the environment alone.
  private let forecasterEnvironment = [
    "LISTEN": ":9081", "LOG_FORMAT": "json", "LOG_LEVEL": "debug", "STORAGE": "redis", "REDIS_ADDR": "redis:6379",
    "REDIS_PASSWORD": "hunter2", "REDIS_DB": "3", "REDIS_TTL": "1h", "TLS_ENABLED": "true",
    "TLS_CERT_FILE": "/tls/tls.crt", "TLS_KEY_FILE": "/tls/tls.key", "TLS_CA_FILE": "/tls/ca.crt",
    "WORKLOAD": "api-app", "METRIC": "rps", "ADAPTER": "prometheus", "HORIZON": "45m", "STEP": "30s",
    "INTERVAL": "15s", "WINDOW": "3h", "TARGET_PER_POD": "50", "HEADROOM": "1.3", "QUANTILE_LEVEL": "p95",
    "MIN_REPLICAS": "2", "MAX_REPLICAS": "20", "UP_MAX_FACTOR": "3", "DOWN_MAX_PERCENT": "25", "MODEL": "baseline",
    "ADAPTER_URL": "http://prometheus-operated.monitoring:9090",
    "ADAPTER_QUERY": #"sum(rate(api_requests_total{namespace="multi-app-redis",app="api-app"}[1m]))"#,
    // Kubernetes adds these for a Service; they are not settings.
    "ADAPTER_PORT": "tcp://10.0.0.1:80", "ADAPTER_SERVICE_HOST": "10.0.0.1", "PATH": "/usr/bin",
  ]

  @Test("the forecaster's environment gives exactly this configuration")
  func forecasterByEnvironment() throws {
    let configuration = try running(loader(environment: forecasterEnvironment).forecaster(arguments: []))
    var redis = RedisConfiguration(server: .network(host: "redis", port: 6379))
    redis.credentials = .init(password: .text("hunter2"))
    redis.database = 3
    redis.timeToLive = .seconds(3600)
    let expected = ForecasterConfiguration(
      listen: ListenAddress(host: "", port: 9081), log: LogConfiguration(format: .json, level: .debug),
      storage: .redis(redis, shardLease: nil),
      tls: TLSConfiguration(
        isEnabled: true,
        files: TLSContext.Files(certificate: "/tls/tls.crt", key: "/tls/tls.key", authorities: "/tls/ca.crt")),
      httpLimits: HTTPLimits(),
      scalerAddress: ListenAddress(host: "kedastral-scaler.default.svc", port: 50051),
      workloads: [
        WorkloadConfiguration(
          name: try WorkloadName("api-app"), metric: "rps",
          source: .prometheus(
            PrometheusSourceConfiguration(
              kind: .prometheus,
              endpoint: HTTPEndpoint("http://prometheus-operated.monitoring:9090", proxy: .environment()),
              query: #"sum(rate(api_requests_total{namespace="multi-app-redis",app="api-app"}[1m]))"#)),
          model: ModelConfiguration(name: "baseline"),
          policy: PolicyConfiguration(
            targetPerPod: 50, headroom: 1.3, quantileLevel: 0.95, minReplicas: 2, maxReplicas: 20, upMaxFactor: 3,
            downMaxPercent: 25, prewarmSteps: 0, rounding: .ceil, reactiveFloor: false),
          horizon: .seconds(2700), step: .seconds(30), interval: .seconds(15), window: .seconds(10_800),
          timeZone: "UTC")
      ])
    #expect(configuration == expected)
  }

  @Test("the same by flags gives the same")
  func forecasterByFlags() throws {
    let flags = try Settings.of(.forecaster).compactMap { setting in
      try forecasterEnvironment[setting.environment].map { text in
        try #require(setting.defect(text) == nil)
        return "-\(setting.flag)=\(text)"
      }
    }
    #expect(flags.count == 29)
    #expect(
      try running(loader().forecaster(arguments: flags))
        == running(loader(environment: forecasterEnvironment).forecaster(arguments: [])))
  }

  @Test("minimal settings have the Go implementation's defaults, or better ones")
  func forecasterDefaults() throws {
    let configuration = try forecaster()
    let workload = configuration.workloads[0]
    #expect(configuration.listen.description == ":8081")
    #expect(configuration.log == LogConfiguration(format: .text, level: .info))
    #expect(configuration.storage == .memory)
    #expect(configuration.tls == TLSConfiguration(isEnabled: false))
    #expect(workload.model == ModelConfiguration(name: "auto"))
    #expect(workload.horizon == .seconds(1800) && workload.step == .seconds(60))
    #expect(workload.interval == .seconds(30) && workload.window == .seconds(8 * 86_400))
    #expect(
      workload.policy
        == PolicyConfiguration(
          targetPerPod: 100, headroom: 1.2, quantileLevel: nil, minReplicas: 1, maxReplicas: 100, upMaxFactor: 2,
          downMaxPercent: 50, prewarmSteps: 0, rounding: .ceil, reactiveFloor: false))
  }

  @Test("the scaler's flags and environment give exactly this configuration")
  func scaler() throws {
    let byEnvironment = try running(
      loader(environment: [
        "SCALER_LISTEN": ":50052", "FORECASTER_URL": "http://f:8081", "LEAD_TIME": "10m", "LISTEN": "x",
      ])
      .scaler(arguments: []))
    let byFlags = try running(
      loader().scaler(arguments: ["-listen=:50052", "-forecaster-url=http://f:8081", "-lead-time=10m"]))
    let expected = ScalerConfiguration(
      listen: ListenAddress(host: "", port: 50_052), httpListen: ListenAddress(host: "", port: 8082),
      forecasterURL: try #require(WebURL("http://f:8081")), storage: .memory, leadTime: .seconds(600),
      staleAfter: .seconds(120), log: LogConfiguration(format: .text, level: .info),
      tls: TLSConfiguration(isEnabled: false), loops: 0,
      grpcLimits: GRPCLimits(), httpLimits: HTTPLimits())
    #expect(byEnvironment == expected)
    #expect(byFlags == expected)
  }

  @Test("the flags of the Redis example configure the scaler")
  func redisScaler() throws {
    let arguments = ["-listen=:50051", "-storage=redis", "-redis-addr=redis:6379", "-lead-time=5m", "-stale-after=2m"]
    let configuration = try running(loader().scaler(arguments: arguments))
    guard case .redis(let redis, _) = configuration.storage else {
      Issue.record("no Redis")
      return
    }
    #expect(redis.deployment.description == "redis redis:6379" && redis.timeToLive == .seconds(1800))
  }

  @Test("orders of ARIMA and SARIMA have their own settings; ARIMA(0,0,0) means automatic, as in Go")
  func orders() throws {
    let arima = try forecaster(["-model=arima", "-arima-p=2", "-arima-d=0"], environment: ["SARIMA_P": "9"])
    #expect(arima.workloads[0].model.order == Arima.Order(p: 2, d: 0, q: 0))
    let sarima = try forecaster(
      ["-model=sarima", "-arima-p=9"],
      environment: [
        "SARIMA_P": "1", "SARIMA_D": "1", "SARIMA_Q": "2", "SARIMA_SP": "1", "SARIMA_SD": "0", "SARIMA_SQ": "1",
        "SARIMA_S": "24",
      ])
    #expect(
      sarima.workloads[0].model.order
        == Arima.Order(p: 1, d: 1, q: 2, seasonalP: 1, seasonalD: 0, seasonalQ: 1, season: 24))
    for model in ["arima", "sarima"] {
      let zeros =
        ["p", "d", "q"].map { "-\(model)-\($0)=0" } + (model == "sarima" ? ["-sarima-sp=0", "-sarima-s=0"] : [])
      #expect(try forecaster(["-model=\(model)"] + zeros).workloads[0].model.order == nil)
    }
  }

  @Test("the adapter of JSON over HTTP accepts the Go implementation's environment")
  func httpAdapter() throws {
    let configuration = try running(
      loader(environment: [
        "ADAPTER_URL": "https://api.example.com/metrics?from={{.Start}}", "ADAPTER_METHOD": "POST",
        "ADAPTER_HEADERS": #"{"Authorization":"Bearer {{.Token}}","X-Team":"a,b"}"#,
        "ADAPTER_BODY": #"{"window":"{{.WindowSeconds}}s"}"#, "ADAPTER_VALUE_PATH": "data.#.value",
        "ADAPTER_TIMESTAMP_PATH": "data.#.ts", "ADAPTER_TIMESTAMP_FORMAT": "unix_milli",
        "ADAPTER_TEMPLATE_VARS": #"{"Token":"hunter2"}"#, "ADAPTER_CA_FILE": "/ca.pem", "ADAPTER_TIMEOUT": "3s",
      ]).forecaster(arguments: ["-workload=api", "-metric=rps", "-adapter=http"]))
    guard case .http(let source) = configuration.workloads[0].source else {
      Issue.record("no HTTP source")
      return
    }
    #expect(
      source
        == HTTPSourceConfiguration(
          endpoint: HTTPEndpoint(
            "https://api.example.com/metrics?from={{.Start}}", tls: .init(authorities: "/ca.pem"),
            headers: [HTTPHeader("Authorization", "Bearer {{.Token}}"), HTTPHeader("X-Team", "a,b")],
            proxy: .environment(), deadline: .seconds(3)), method: .post,
          body: #"{"window":"{{.WindowSeconds}}s"}"#, valuePath: "data.#.value", timestampPath: "data.#.ts",
          timestampFormat: .unixMilliseconds, templateVars: ["Token": Secret("hunter2")]))
  }
}

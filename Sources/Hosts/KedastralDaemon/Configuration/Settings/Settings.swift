import Kedastral
import KedastralCore
import KedastralGRPC
import KedastralHTTP
import KedastralNet
import KedastralRedisStore
import KedastralSources

/// The table of settings: names, defaults and help texts are defined only here.
enum Settings {
  private static let everyHost: Set<Host> = [.forecaster, .scaler, .allInOne]
  private static let scalerHosts: Set<Host> = [.scaler, .allInOne]

  // General
  static let config = Setting<String>(
    "config", "CONFIG", .general, hosts: everyHost, placeholder: "FILE",
    aliases: [.init(flag: "config-file", environment: "CONFIG_FILE")],
    "YAML file with workloads and the settings of the hosts")
  static let watchConfig = Setting<Bool>(
    "watch-config", "WATCH_CONFIG", default: "true", file: "watchConfig", .general, hosts: everyHost,
    "reload the YAML file when it changes, as on SIGHUP")
  static let logFormat = Setting<LogFormat>(
    "log-format", "LOG_FORMAT", default: "text", file: "log.format", .general, hosts: everyHost,
    "format of the log lines"
  )
  static let logLevel = Setting<KedastralLogLevel>(
    "log-level", "LOG_LEVEL", default: "info", file: "log.level", .general, hosts: everyHost,
    "lowest level to log")

  // Listening and TLS
  static let listen = Setting<ListenAddress>(
    "listen", "LISTEN", default: ":8081", file: "listen", .listening,
    "HTTP address for plans, health and metrics")
  static let scalerListen = Setting<ListenAddress>(
    "listen", inAllInOne: "scaler-listen", "SCALER_LISTEN", default: ":50051", file: "scaler.listen", .listening,
    hosts: scalerHosts, "gRPC address for KEDA")
  static let scalerHTTPListen = Setting<ListenAddress>(
    "http-listen", "SCALER_HTTP_LISTEN", default: ":8082", file: "scaler.httpListen", .listening, hosts: [.scaler],
    "HTTP address for health and metrics")
  static let tlsEnabled = Setting<Bool>(
    "tls-enabled", "TLS_ENABLED", default: "false", file: "tls.enabled", .listening, hosts: everyHost, "use TLS")
  static let tlsCertFile = Setting<String>(
    "tls-cert-file", "TLS_CERT_FILE", file: "tls.certFile", .listening, hosts: everyHost, placeholder: "FILE",
    "certificate chain (PEM)")
  static let tlsKeyFile = Setting<String>(
    "tls-key-file", "TLS_KEY_FILE", file: "tls.keyFile", .listening, hosts: everyHost, placeholder: "FILE",
    "the certificate's private key (PEM)")
  static let tlsCAFile = Setting<String>(
    "tls-ca-file", "TLS_CA_FILE", file: "tls.caFile", .listening, hosts: everyHost, placeholder: "FILE",
    "certificate authorities that must have issued the peer's certificate (PEM)")
  static let tlsMinVersion = Setting<TLSContext.MinimumVersion>(
    "tls-min-version", "TLS_MIN_VERSION", default: "1.3", file: "tls.minVersion", .listening, hosts: everyHost,
    "oldest TLS version that listeners accept")
  static let tlsClientNames = Setting<[String]>(
    "tls-client-names", "TLS_CLIENT_NAMES", file: "tls.clientNames", .listening, hosts: everyHost,
    placeholder: "NAME,…",
    "DNS names and URIs (subject alternative names), of which a client's certificate must have at least one; if not given, any certificate issued by tls-ca-file is accepted"
  )
  static let httpTokenFile = Setting<String>(
    "http-token-file", "HTTP_TOKEN_FILE", file: "httpTokenFile", .listening, hosts: everyHost, placeholder: "FILE",
    "file with the bearer token that HTTP clients must send with every request except probes; reloaded when it changes")
  static let pushTokenFile = Setting<String>(
    "push-token-file", "PUSH_TOKEN_FILE", defaultNote: "the token of HTTP clients", file: "pushTokenFile", .listening,
    placeholder: "FILE",
    "file with the bearer token that senders of OTLP and remote write must send; reloaded when it changes")

  // Workload
  package static let workload = Setting<WorkloadName>(
    "workload", "WORKLOAD", file: "workloads[].name", .workload, oneWorkload: true,
    "the workload's name, which the KEDA trigger refers to")
  static let metric = Setting<String>(
    "metric", "METRIC", file: "workloads[].metric", .workload, placeholder: "NAME", oneWorkload: true,
    "name of the load in plans and on the page, such as rps")
  static let horizon = Setting<Duration>(
    "horizon", "HORIZON", default: "30m", file: "workloads[].horizon", .workload, "how far ahead to forecast")
  static let step = Setting<Duration>(
    "step", "STEP", default: "1m", file: "workloads[].step", .workload,
    "time between two values of the history and of the forecast")
  static let interval = Setting<Duration>(
    "interval", "INTERVAL", default: "30s", file: "workloads[].interval", .workload, "time between two forecasts")
  static let window = Setting<Duration>(
    "window", "WINDOW", default: "8d", file: "workloads[].window", .workload,
    "how much history to learn from, if the source has it")
  static let settleTime = Setting<Duration>(
    "settle-time", "SETTLE_TIME", defaultNote: "5m, at least 3 steps", file: "workloads[].settleTime", .workload,
    "how long after its timestamp a sample can still change: newer samples are read again")
  static let maxSampleAge = Setting<Duration>(
    "max-sample-age", "MAX_SAMPLE_AGE", defaultNote: "10m, at least 5 steps", file: "workloads[].maxSampleAge",
    .workload, "age of the newest sample from which a plan is based on the forecast alone and is marked as bridged")
  static let bridge = Setting<Duration>(
    "bridge", "BRIDGE", default: "30m", file: "workloads[].bridge", .workload,
    "how long a bridged plan is served, at most the horizon; after that KEDA's fallback applies")
  static let ownLeadTime = Setting<LeadTimeChoice>(
    "workload-lead-time", "WORKLOAD_LEAD_TIME", defaultNote: "the scaler's lead time",
    file: "workloads[].leadTime", .workload,
    "lead time for triggers that set none: a duration, or auto to measure how long the pods take to start (kube-state-metrics)"
  )
  static let leadTimeQuery = Setting<String>(
    "lead-time-query", "LEAD_TIME_QUERY", defaultNote: "pods named after the workload, of the last day",
    file: "workloads[].leadTimeQuery", .workload, placeholder: "PROMQL", oneWorkload: true,
    "with the lead time auto: query that returns the seconds each pod took to start, one series per pod; sent to the workload's Prometheus"
  )
  static let replicasQuery = Setting<String>(
    "replicas-query", "REPLICAS_QUERY", defaultNote: "none", file: "workloads[].replicasQuery", .workload,
    placeholder: "PROMQL", oneWorkload: true,
    "query that returns the number of ready pods, for the page and the scorecard; sent to the workload's Prometheus"
  )
  static let dropWhileStarting = Setting<Bool>(
    "drop-while-starting", "DROP_WHILE_STARTING", default: "false", file: "workloads[].dropWhileStarting", .workload,
    "leave out the samples of the workload's own metric while pods are starting, for CPU as the load")
  static let startingPodsQuery = Setting<String>(
    "starting-pods-query", "STARTING_PODS_QUERY", defaultNote: "pods named after the workload (kube-state-metrics)",
    file: "workloads[].startingPodsQuery", .workload, placeholder: "PROMQL", oneWorkload: true,
    "with -drop-while-starting: query that returns the number of starting pods; sent to the workload's Prometheus")
  static let workloadLabels = Setting<StringMap>(
    "workload-labels", "WORKLOAD_LABELS", defaultNote: "none", file: "workloads[].labels", .workload,
    "labels by which the page groups workloads, such as team=shop; those of the defaults are added")
  static let timeZone = Setting<TimeZoneName>(
    "time-zone", "TIME_ZONE", default: "UTC", file: "workloads[].timeZone", .workload,
    "time zone of the workload's days and schedules")
  static let calendarCountry = Setting<CountryCode>(
    "calendar-country", "CALENDAR_COUNTRY", defaultNote: "none", file: "workloads[].calendar.country", .workload,
    "country or state whose public holidays the forecast takes into account, such as DE, DE-BY, FR or US")
  static let calendarHolidaysFile = Setting<String>(
    "calendar-holidays-file", "CALENDAR_HOLIDAYS_FILE", defaultNote: "none", file: "workloads[].calendar.holidaysFile",
    .workload, placeholder: "FILE", "iCalendar file with holidays, on which the load behaves as on a Sunday")
  static let calendarEventsFile = Setting<String>(
    "calendar-events-file", "CALENDAR_EVENTS_FILE", defaultNote: "none", file: "workloads[].calendar.eventsFile",
    .workload, placeholder: "FILE", "iCalendar file with other events, whose effect on the load is learned")
  static let dryRun = Setting<Bool>(
    "dry-run", "DRY_RUN", default: "false", file: "workloads[].dryRun", .workload,
    "compute and show the plan without serving it: the scaler responds with FAILED_PRECONDITION")
  static let seriesAhead = Setting<[Duration]>(
    "series-ahead", "SERIES_AHEAD", defaultNote: "none", file: "workloads[].series.ahead", .workload,
    "export the forecast this far ahead as metrics, such as 5m,20m, each at most the horizon")
  static let seriesQuantiles = Setting<[ExportedQuantile]>(
    "series-quantiles", "SERIES_QUANTILES", default: "0.5,0.9", file: "workloads[].series.quantiles", .workload,
    "quantiles to export with it, p90 or 0.90; 0 for none")
  static let seriesWrite = Setting<Duration>(
    "series-write", "SERIES_WRITE", defaultNote: "none", file: "workloads[].series.write", .workload,
    "write the forecast, with its future times, up to this far ahead to series-write-url; at most the horizon, 0 for none"
  )
  static let seriesWriteURL = Setting<WebURL>(
    "series-write-url", "SERIES_WRITE_URL", defaultNote: "none", file: "seriesWrite.url", .workload,
    "receiver of Prometheus remote write for forecasts, such as http://prometheus:9090/api/v1/write")
  static let seriesWriteTokenFile = Setting<String>(
    "series-write-token-file", "SERIES_WRITE_TOKEN_FILE", file: "seriesWrite.tokenFile", .workload, placeholder: "FILE",
    "file with the bearer token for that receiver; reloaded when it changes")
  static let seriesWriteCAFile = Setting<String>(
    "series-write-ca-file", "SERIES_WRITE_CA_FILE", file: "seriesWrite.caFile", .workload, placeholder: "FILE",
    "certificate authorities to trust for that receiver instead of the system's (PEM)")

  // Source
  static let adapter = Setting<SourceKind>(
    "adapter", "ADAPTER", default: "prometheus", file: "workloads[].source.type", .source, oneWorkload: true,
    "kind of source")
  static let adapterURL = Setting<WebURL>(
    "adapter-url", "ADAPTER_URL",
    defaultNote: "http://localhost:9090, for victoriametrics http://localhost:8428",
    file: "workloads[].source.url", .source,
    aliases: [
      .init(flag: "prom-url", environment: "PROM_URL"),
      .init(flag: "victoria-metrics-url", environment: "VICTORIA_METRICS_URL"),
    ], oneWorkload: true, "URL of the source")
  static let adapterQuery = Setting<String>(
    "adapter-query", "ADAPTER_QUERY", file: "workloads[].source.query", .source, placeholder: "PROMQL",
    aliases: [
      .init(flag: "prom-query", environment: "PROM_QUERY"),
      .init(flag: "victoria-metrics-query", environment: "VICTORIA_METRICS_QUERY"),
    ], oneWorkload: true, "query that returns one series, the load; aggregate with sum()")
  static let adapterLabel = Setting<String>(
    "adapter-label", "ADAPTER_LABEL", file: "workloads[].source.label", .source, placeholder: "LABEL",
    oneWorkload: true,
    "prometheus: label whose value tells the workload's series from others of the query, such as app with sum by (app) (…); workloads with the same query and label share their requests"
  )
  static let adapterLabelValue = Setting<String>(
    "adapter-label-value", "ADAPTER_LABEL_VALUE", defaultNote: "the workload's name",
    file: "workloads[].source.labelValue", .source, placeholder: "VALUE", oneWorkload: true,
    "prometheus: value of the label in the workload's series")
  static let adapterPartialResponse = Setting<PrometheusSource.PartialResponse>(
    "adapter-partial-response", "ADAPTER_PARTIAL_RESPONSE", default: "use",
    file: "workloads[].source.partialResponse", .source, oneWorkload: true,
    "prometheus: use or refuse partial responses (Thanos, VictoriaMetrics); with use, their samples are read again later"
  )
  static let adapterMethod = Setting<HTTPMethod>(
    "adapter-method", "ADAPTER_METHOD", default: "GET", file: "workloads[].source.method", .source, oneWorkload: true,
    "http: the request's method")
  static let adapterHeaders = Setting<SecretMap>(
    "adapter-headers", "ADAPTER_HEADERS", file: "workloads[].source.headers", .source, oneWorkload: true,
    "headers to send, as pairs or a JSON object")
  static let adapterBody = Setting<String>(
    "adapter-body", "ADAPTER_BODY", file: "workloads[].source.body", .source, oneWorkload: true,
    "http: the request's body, a template with {{.Start}}, {{.End}}, {{.Step}} and your variables")
  static let adapterValuePath = Setting<String>(
    "adapter-value-path", "ADAPTER_VALUE_PATH", file: "workloads[].source.valuePath", .source, placeholder: "PATH",
    oneWorkload: true, "http: path of the values in the JSON response, such as data.#.value")
  static let adapterTimestampPath = Setting<String>(
    "adapter-timestamp-path", "ADAPTER_TIMESTAMP_PATH", file: "workloads[].source.timestampPath", .source,
    placeholder: "PATH", oneWorkload: true, "http: path of the timestamps in the JSON response")
  static let adapterTimestampFormat = Setting<HTTPSource.TimestampFormat>(
    "adapter-timestamp-format", "ADAPTER_TIMESTAMP_FORMAT", default: "rfc3339",
    file: "workloads[].source.timestampFormat", .source, oneWorkload: true, "http: format of the timestamps")
  static let adapterTemplateVars = Setting<SecretMap>(
    "adapter-template-vars", "ADAPTER_TEMPLATE_VARS", file: "workloads[].source.templateVars", .source,
    oneWorkload: true, "http: variables for the templates of URL, headers and body, as pairs or a JSON object")
  static let adapterPath = Setting<String>(
    "adapter-path", "ADAPTER_PATH", file: "workloads[].source.path", .source, placeholder: "FILE", oneWorkload: true,
    "csv: file with timestamp,value lines; see docs/sources.md")
  static let adapterSpeed = Setting<Double>(
    "adapter-speed", "ADAPTER_SPEED", default: "1", file: "workloads[].source.speed", .source, oneWorkload: true,
    "csv: replay speed, in seconds of the file per second")
  static let adapterMetric = Setting<String>(
    "adapter-metric", "ADAPTER_METRIC", file: "workloads[].source.metric", .source, placeholder: "NAME",
    oneWorkload: true, "scrape, otlp, remoteWrite: name of the metric")
  static let adapterLabels = Setting<StringMap>(
    "adapter-labels", "ADAPTER_LABELS", file: "workloads[].source.labels", .source, oneWorkload: true,
    "scrape, remoteWrite: labels that the metric must have")
  static let adapterAttributes = Setting<StringMap>(
    "adapter-attributes", "ADAPTER_ATTRIBUTES", file: "workloads[].source.attributes", .source, oneWorkload: true,
    "otlp: attributes that a point, or its resource, must have, such as service.name=shop")
  static let adapterRate = Setting<Bool>(
    "adapter-rate", "ADAPTER_RATE", defaultNote: "true for names that end in _total, _count, _sum or _bucket",
    file: "workloads[].source.rate", .source, oneWorkload: true,
    "remoteWrite: the samples are counts, and the load is their growth per second")
  static let adapterAddress = Setting<RemoteAddress>(
    "adapter-address", "ADAPTER_ADDRESS", default: "keda-operator.keda.svc.cluster.local:9666",
    file: "workloads[].source.address", .source, oneWorkload: true, "keda: address of KEDA's metrics service")
  static let adapterServerName = Setting<String>(
    "adapter-server-name", "ADAPTER_SERVER_NAME", defaultNote: "the address's host",
    file: "workloads[].source.serverName", .source, placeholder: "NAME", oneWorkload: true,
    "keda: name that the certificate of the metrics service must have")
  static let adapterNamespace = Setting<String>(
    "adapter-namespace", "ADAPTER_NAMESPACE", file: "workloads[].source.namespace", .source, placeholder: "NAME",
    oneWorkload: true, "keda: namespace of the ScaledObject")
  static let adapterScaledObject = Setting<String>(
    "adapter-scaled-object", "ADAPTER_SCALED_OBJECT", file: "workloads[].source.scaledObject", .source,
    placeholder: "NAME", oneWorkload: true, "keda: name of the ScaledObject that has the trigger")
  static let adapterTrigger = Setting<String>(
    "adapter-trigger", "ADAPTER_TRIGGER", file: "workloads[].source.trigger", .source, placeholder: "NAME",
    oneWorkload: true, "keda: name of the trigger whose values are the load")
  static let adapterBootstrap = Setting<String>(
    "adapter-bootstrap", "ADAPTER_BOOTSTRAP", file: "workloads[].source.bootstrap", .source, placeholder: "FILE|URL",
    oneWorkload: true,
    "keda, scrape, http, otlp, remoteWrite: CSV file or URL with the load before the first start, read when no history is stored"
  )
  static let adapterBearerToken = Setting<Secret>(
    "adapter-bearer-token", "ADAPTER_BEARER_TOKEN", file: "workloads[].source.bearerToken", .source,
    oneWorkload: true, "bearer token for the source")
  static let adapterBearerTokenFile = Setting<String>(
    "adapter-bearer-token-file", "ADAPTER_BEARER_TOKEN_FILE", file: "workloads[].source.bearerTokenFile", .source,
    placeholder: "FILE", oneWorkload: true, "file with the bearer token; reloaded when it changes")
  static let adapterBasicUser = Setting<String>(
    "adapter-basic-user", "ADAPTER_BASIC_USER", file: "workloads[].source.basicUser", .source, placeholder: "NAME",
    oneWorkload: true, "user for basic authentication")
  static let adapterBasicPassword = Setting<Secret>(
    "adapter-basic-password", "ADAPTER_BASIC_PASSWORD", file: "workloads[].source.basicPassword", .source,
    oneWorkload: true, "password for basic authentication")
  static let adapterCAFile = Setting<String>(
    "adapter-ca-file", "ADAPTER_CA_FILE", file: "workloads[].source.caFile", .source, placeholder: "FILE",
    oneWorkload: true, "certificate authorities that must have issued the source's certificate (PEM)")
  static let adapterCertFile = Setting<String>(
    "adapter-cert-file", "ADAPTER_CERT_FILE", file: "workloads[].source.certFile", .source, placeholder: "FILE",
    oneWorkload: true, "client certificate chain for the source (PEM)")
  static let adapterKeyFile = Setting<String>(
    "adapter-key-file", "ADAPTER_KEY_FILE", file: "workloads[].source.keyFile", .source, placeholder: "FILE",
    oneWorkload: true, "the client certificate's private key (PEM)")
  static let adapterTimeout = Setting<Duration>(
    "adapter-timeout", "ADAPTER_TIMEOUT", default: "10s", file: "workloads[].source.timeout", .source,
    oneWorkload: true, "longest time to wait for a response of the source")
  static let adapterProxy = Setting<HTTPProxy>(
    "adapter-proxy", "ADAPTER_PROXY", default: "environment", file: "workloads[].source.proxy", .source,
    oneWorkload: true,
    "proxy to the source, such as http://proxy:3128; none; or environment, which uses http_proxy, https_proxy and no_proxy"
  )

  // Model
  static let model = Setting<String>(
    "model", "MODEL", default: "auto", file: "workloads[].model.name", .model, placeholder: "NAME",
    "forecasting model")
  static let byomURL = Setting<WebURL>(
    "byom-url", "BYOM_URL", file: "workloads[].model.byomUrl", .model, "byom: URL of the forecasting service")
  static let arimaP = order("arima-p", "ARIMA_P", "p", "arima: order of the autoregression")
  static let arimaD = order("arima-d", "ARIMA_D", "d", "arima: order of differencing")
  static let arimaQ = order("arima-q", "ARIMA_Q", "q", "arima: order of the moving average")
  static let sarimaP = order("sarima-p", "SARIMA_P", "p", "sarima: order of the autoregression")
  static let sarimaD = order("sarima-d", "SARIMA_D", "d", "sarima: order of differencing")
  static let sarimaQ = order("sarima-q", "SARIMA_Q", "q", "sarima: order of the moving average")
  static let sarimaSP = order("sarima-sp", "SARIMA_SP", "P", "sarima: seasonal order of the autoregression")
  static let sarimaSD = order("sarima-sd", "SARIMA_SD", "D", "sarima: seasonal order of differencing")
  static let sarimaSQ = order("sarima-sq", "SARIMA_SQ", "Q", "sarima: seasonal order of the moving average")
  static let sarimaS = order("sarima-s", "SARIMA_S", "s", "sarima: steps in a season")

  private static func order(_ flag: String, _ environment: String, _ key: String, _ help: String) -> Setting<Int> {
    Setting(flag, environment, defaultNote: "automatic", file: "workloads[].model.\(key)", .model, help)
  }

  // Capacity
  static let targetPerPod = Setting<Double>(
    "target-per-pod", "TARGET_PER_POD", default: "100", file: "workloads[].policy.targetPerPod", .capacity,
    "load that one pod should serve, in the metric's unit")
  static let headroom = Setting<Double>(
    "headroom", "HEADROOM", default: "1.2", file: "workloads[].policy.headroom", .capacity,
    "factor on the forecast when no quantile level is set: 1.2 adds 20 %")
  static let quantileLevel = Setting<QuantileLevel>(
    "quantile-level", "QUANTILE_LEVEL", default: "0", file: "workloads[].policy.quantileLevel", .capacity,
    "plan for this quantile of the forecast, p90 or 0.90; 0 uses the headroom")
  static let shortageCost = Setting<Double>(
    "shortage-cost", "SHORTAGE_COST", default: "0", file: "workloads[].policy.shortageCost", .capacity,
    placeholder: "POD-MINUTES",
    "cost of a minute with too few pods: plan the number of pods with the least expected cost; 0 uses the quantile or headroom"
  )
  static let objective = Setting<ObjectiveShare>(
    "objective", "OBJECTIVE", default: "0", file: "workloads[].policy.objective", .capacity,
    "share of the minutes in which the pods should suffice: 99.9%, or cost (99%), balanced (99.9%) or safe (99.99%); the margin is learned; 0 uses the others"
  )
  static let minReplicas = Setting<Int>(
    "min", "MIN_REPLICAS", default: "1", file: "workloads[].policy.min", .capacity, "minimum replicas")
  static let maxReplicas = Setting<Int>(
    "max", "MAX_REPLICAS", default: "100", file: "workloads[].policy.max", .capacity, "maximum replicas")
  static let upMaxFactor = Setting<Double>(
    "up-max-factor", "UP_MAX_FACTOR", default: "2", file: "workloads[].policy.upMaxFactor", .capacity,
    "maximum growth per step, as a factor")
  static let downMaxPercent = Setting<Double>(
    "down-max-percent", "DOWN_MAX_PERCENT", default: "50", file: "workloads[].policy.downMaxPercent", .capacity,
    placeholder: "PERCENT", "maximum shrinkage per step")
  static let prewarmSteps = Setting<Int>(
    "prewarm-steps", "PREWARM_STEPS", default: "0", file: "workloads[].policy.prewarmSteps", .capacity,
    "plan each step for the largest load of this step and the given number of following steps")
  static let rounding = Setting<StandardCapacityPolicy.Rounding>(
    "rounding", "ROUNDING", default: "ceil", file: "workloads[].policy.rounding", .capacity,
    "how fractions of a pod are rounded")
  static let reactiveFloor = Setting<Bool>(
    "reactive-floor", "REACTIVE_FLOOR", default: "false", file: "workloads[].policy.reactiveFloor", .capacity,
    "never plan fewer replicas than the current load needs")
  static let accuracyGate = Setting<Double>(
    "accuracy-gate", "ACCURACY_GATE", default: "0", file: "workloads[].policy.accuracyGate", .capacity,
    "plan for the current load while the recent forecast error exceeds this share of the load, such as 0.5; 0: never"
  )
  static let activationThreshold = Setting<Double>(
    "activation-threshold", "ACTIVATION_THRESHOLD", defaultNote: "active while the plan is fresh",
    file: "workloads[].policy.activationThreshold", .capacity,
    "active only while the plan exceeds this load between now and the lead time; the trigger's value overrides it")

  // Kubernetes
  static let kubernetes = Setting<Bool>(
    "kubernetes", "OPERATOR_MODE", default: "false", file: "kubernetes.enabled", .kubernetes,
    "forecast the ForecastPolicy objects of the cluster as well, and create their ScaledObjects")
  static let kubeconfig = Setting<String>(
    "kubeconfig", "KUBECONFIG", file: "kubernetes.kubeconfig", .kubernetes, hosts: everyHost, placeholder: "FILE",
    "kubeconfig with the access to the cluster; if not given, the service account of the pod is used")
  static let externalMetricsListen = Setting<ListenAddress>(
    "external-metrics-listen", "EXTERNAL_METRICS_LISTEN", defaultNote: "off", file: "externalMetrics.listen",
    .kubernetes, hosts: scalerHosts,
    "HTTPS address of the aggregated API external.metrics.k8s.io, from which autoscalers read plans without KEDA; needs -tls-enabled"
  )
  static let externalMetricsClientCAFile = Setting<String>(
    "external-metrics-client-ca-file", "EXTERNAL_METRICS_CLIENT_CA_FILE",
    defaultNote: "the ConfigMap extension-apiserver-authentication", file: "externalMetrics.clientCaFile",
    .kubernetes, hosts: scalerHosts, placeholder: "FILE",
    "certificate authorities that must have issued the API server's client certificate (PEM): those of its option requestheader-client-ca-file"
  )
  static let externalMetricsClientNames = Setting<[String]>(
    "external-metrics-client-names", "EXTERNAL_METRICS_CLIENT_NAMES", file: "externalMetrics.clientNames",
    .kubernetes, hosts: scalerHosts, placeholder: "NAME,…",
    "with external-metrics-client-ca-file: common names of which the API server's client certificate must have one; if not given, any certificate of these authorities is accepted"
  )
  static let namespace = Setting<String>(
    "namespace", "WATCH_NAMESPACE", file: "kubernetes.namespace", .kubernetes, placeholder: "NAME",
    "the only namespace whose policies are forecast; all if not given")
  static let triggerAuthentication = Setting<TriggerAuthentication>(
    "trigger-authentication", "TRIGGER_AUTHENTICATION", file: "kubernetes.triggerAuthentication", .kubernetes,
    "the TriggerAuthentication of the policies' ScaledObjects, such as ClusterTriggerAuthentication/kedastral; KEDA uses TLS then"
  )

  // Storage
  static let storage = Setting<StorageKind>(
    "storage", "STORAGE", default: "memory", file: "storage.type", .storage, hosts: everyHost,
    "where plans are kept; a scaler with memory requests them from the forecaster, with redis it reads Redis")
  static let redisAddr = Setting<RemoteAddress>(
    "redis-addr", "REDIS_ADDR", default: "localhost:6379", file: "storage.redis.addr", .storage, hosts: everyHost,
    "address of the Redis server, or the path of its socket")
  static let redisURL = Setting<RedisURL>(
    "redis-url", "REDIS_URL", file: "storage.redis.url", .storage, hosts: everyHost,
    "the Redis server as a redis:// or rediss:// URL; separate settings for user, password and database override the URL"
  )
  static let redisUsername = Setting<String>(
    "redis-username", "REDIS_USERNAME", file: "storage.redis.username", .storage, hosts: everyHost, placeholder: "NAME",
    "Redis user")
  static let redisPassword = Setting<Secret>(
    "redis-password", "REDIS_PASSWORD", file: "storage.redis.password", .storage, hosts: everyHost, "Redis password")
  static let redisPasswordFile = Setting<String>(
    "redis-password-file", "REDIS_PASSWORD_FILE", file: "storage.redis.passwordFile", .storage, hosts: everyHost,
    placeholder: "FILE", "file with the Redis password, read for each connection")
  static let redisDB = Setting<Int>(
    "redis-db", "REDIS_DB", default: "0", file: "storage.redis.db", .storage, hosts: everyHost, "Redis database number")
  static let redisTTL = Setting<Duration>(
    "redis-ttl", "REDIS_TTL", default: "30m", file: "storage.redis.ttl", .storage, hosts: everyHost,
    "how long a plan is kept when it is not renewed")
  static let redisPrefix = Setting<String>(
    "redis-prefix", "REDIS_PREFIX", default: "forecast:", file: "storage.redis.prefix", .storage, hosts: everyHost,
    "prefix of the keys of plans")
  static let redisReadPrefixes = Setting<[String]>(
    "redis-read-prefixes", "REDIS_READ_PREFIXES", file: "storage.redis.readPrefixes", .storage, hosts: everyHost,
    "prefixes of further plans to read, such as kedastral:snapshot: of the Go implementation"
  )
  static let redisSentinels = Setting<[ListenAddress]>(
    "redis-sentinels", "REDIS_SENTINELS", file: "storage.redis.sentinels", .storage, hosts: everyHost,
    "addresses of the sentinels")
  static let redisSentinelMaster = Setting<String>(
    "redis-sentinel-master", "REDIS_SENTINEL_MASTER", file: "storage.redis.sentinelMaster", .storage, hosts: everyHost,
    placeholder: "NAME", "the master's name that the sentinels use")
  static let redisCluster = Setting<Bool>(
    "redis-cluster", "REDIS_CLUSTER", default: "false", file: "storage.redis.cluster", .storage, hosts: everyHost,
    "the server is part of a Redis Cluster")
  static let redisSentinelUsername = Setting<String>(
    "redis-sentinel-username", "REDIS_SENTINEL_USERNAME", file: "storage.redis.sentinelUsername", .storage,
    hosts: everyHost, placeholder: "NAME", "user for the sentinels")
  static let redisSentinelPassword = Setting<Secret>(
    "redis-sentinel-password", "REDIS_SENTINEL_PASSWORD", file: "storage.redis.sentinelPassword", .storage,
    hosts: everyHost, "password for the sentinels")
  static let redisTLS = Setting<Bool>(
    "redis-tls", "REDIS_TLS", default: "false", file: "storage.redis.tls", .storage, hosts: everyHost,
    "use TLS for Redis, as with a rediss:// URL")
  static let redisTLSCAFile = Setting<String>(
    "redis-tls-ca-file", "REDIS_TLS_CA_FILE", file: "storage.redis.tlsCaFile", .storage, hosts: everyHost,
    placeholder: "FILE",
    "certificate authorities that must have issued Redis's certificate (PEM); the system's if not given")
  static let redisTLSCertFile = Setting<String>(
    "redis-tls-cert-file", "REDIS_TLS_CERT_FILE", file: "storage.redis.tlsCertFile", .storage, hosts: everyHost,
    placeholder: "FILE", "client certificate chain (PEM), if Redis requests one")
  static let redisTLSKeyFile = Setting<String>(
    "redis-tls-key-file", "REDIS_TLS_KEY_FILE", file: "storage.redis.tlsKeyFile", .storage, hosts: everyHost,
    placeholder: "FILE", "the client certificate's private key (PEM)")
  static let redisTLSServerName = Setting<String>(
    "redis-tls-server-name", "REDIS_TLS_SERVER_NAME", file: "storage.redis.tlsServerName", .storage, hosts: everyHost,
    placeholder: "NAME", "name that Redis's certificate must contain; the host name if not given")
  static let shardLease = Setting<Duration>(
    "shard-lease", "SHARD_LEASE", default: "0s", file: "storage.redis.shardLease", .storage,
    hosts: [.forecaster, .allInOne],
    "share the workloads among all forecasters on this Redis; a failed forecaster's workloads move after this time, such as 15s; 0: every forecaster forecasts all workloads"
  )

  // Scaler
  static let scalerAddress = Setting<ListenAddress>(
    "scaler-address", "SCALER_ADDRESS", default: "kedastral-scaler.default.svc:50051", file: "scaler.address", .scaler,
    "the scaler's address for KEDA, used in the ScaledObjects to copy")
  static let forecasterURL = Setting<WebURL>(
    "forecaster-url", "FORECASTER_URL", default: "http://localhost:8081", file: "scaler.forecasterUrl", .scaler,
    hosts: [.scaler], "URL of the forecaster to request plans from")
  static let leadTime = Setting<Duration>(
    "lead-time", "LEAD_TIME", default: "5m", file: "scaler.leadTime", .scaler, hosts: scalerHosts,
    "return the maximum of the planned replicas from now until this much later; the trigger's leadTime overrides it")
  static let staleAfter = Setting<Duration>(
    "stale-after", "STALE_AFTER", default: "2m", file: "scaler.staleAfter", .scaler, hosts: scalerHosts,
    "age from which a plan is not served, so that KEDA's fallback applies")
  static let forecasterTokenFile = Setting<String>(
    "forecaster-token-file", "FORECASTER_TOKEN_FILE", file: "scaler.forecasterTokenFile", .scaler, hosts: [.scaler],
    placeholder: "FILE", "file with the bearer token for the forecaster; reloaded when it changes")
  static let loops = Setting<Int>(
    "loops", "SCALER_LOOPS", default: "0", file: "scaler.loops", .scaler, hosts: scalerHosts,
    "threads that answer gRPC calls; 0: one per core, at most 8")

  // Scorecard
  static let scorecardStartup = Setting<Duration>(
    "scorecard-startup", "SCORECARD_STARTUP", default: "3m", file: "scorecard.startup", .scorecard,
    "time from a pod's creation to its first request, in the scorecard's simulated clusters")
  static let scorecardUtilization = Setting<Double>(
    "scorecard-utilization", "SCORECARD_UTILIZATION", default: "0.7", file: "scorecard.utilization", .scorecard,
    "target of the HPA that plans are compared with, as a share of the target per pod")
  static let scorecardPrice = Setting<Double>(
    "scorecard-price", "SCORECARD_PRICE", file: "scorecard.price", .scorecard, placeholder: "PRICE",
    "price of a pod-hour; adds money to the scorecard")

  // Limits
  static let grpcConnections = grpcLimit(
    "max-connections", "MAX_CONNECTIONS", "connections", GRPCLimits().connections,
    "maximum number of open gRPC connections")
  static let grpcStreams = grpcLimit(
    "max-streams", "MAX_STREAMS", "streams", GRPCLimits().callsPerConnection,
    "maximum number of open calls per connection")
  static let grpcMessageBytes = grpcLimit(
    "max-message-bytes", "MAX_MESSAGE_BYTES", "messageBytes", GRPCLimits().messageBytes,
    "maximum size of one gRPC message")
  static let grpcHeaderBytes = grpcLimit(
    "max-header-bytes", "MAX_HEADER_BYTES", "headerBytes", GRPCLimits().headerBytes,
    "maximum size of a call's headers")
  static let grpcBufferedBytes = grpcLimit(
    "max-buffered-bytes", "MAX_BUFFERED_BYTES", "bufferedBytes", GRPCLimits().bufferedBytesPerConnection,
    "maximum bytes of unfinished requests per connection")
  static let grpcHandshakeTimeout = grpcLimit(
    "handshake-timeout", "HANDSHAKE_TIMEOUT", "handshakeTimeout", GRPCLimits().handshakeTimeout,
    "maximum time for the TLS handshake and the HTTP/2 preface")
  static let grpcRequestTimeout = grpcLimit(
    "request-timeout", "REQUEST_TIMEOUT", "requestTimeout", GRPCLimits().requestTimeout,
    "maximum time until a call has arrived completely")
  static let grpcWriteTimeout = grpcLimit(
    "write-timeout", "WRITE_TIMEOUT", "writeTimeout", GRPCLimits().writeTimeout,
    "maximum time that a response waits for a slow reader")
  static let grpcIdleTimeout = grpcLimit(
    "idle-timeout", "IDLE_TIMEOUT", "idleTimeout", GRPCLimits().idleTimeout,
    "maximum time that a connection stays open without a call")
  static let grpcKeepAliveInterval = grpcLimit(
    "keep-alive-interval", "KEEP_ALIVE_INTERVAL", "keepAliveInterval", GRPCLimits().keepAliveInterval,
    "silence after which a connection is probed")
  static let grpcKeepAliveTimeout = grpcLimit(
    "keep-alive-timeout", "KEEP_ALIVE_TIMEOUT", "keepAliveTimeout", GRPCLimits().keepAliveTimeout,
    "maximum time to wait for the response to a probe")
  static let grpcConnectionAge = grpcLimit(
    "connection-age", "CONNECTION_AGE", "connectionAge", GRPCLimits().connectionAge,
    "age, plus or minus 10 %, at which a client is asked to reconnect, so that load spreads over replicas")
  static let grpcConnectionAgeGrace = grpcLimit(
    "connection-age-grace", "CONNECTION_AGE_GRACE", "connectionAgeGrace", GRPCLimits().connectionAgeGrace,
    "maximum time for open calls to end after that")
  static let grpcResetBurst = grpcLimit(
    "reset-burst", "RESET_BURST", "resetBurst", GRPCLimits().resetBurst,
    "maximum number of calls that a client can cancel in a burst")
  static let grpcResetsPerSecond = grpcLimit(
    "resets-per-second", "RESETS_PER_SECOND", "resetsPerSecond", GRPCLimits().resetsPerSecond,
    "maximum number of calls that a client can cancel per second on average")
  static let grpcIdleFrameBurst = grpcLimit(
    "idle-frame-burst", "IDLE_FRAME_BURST", "idleFrameBurst", GRPCLimits().idleFrameBurst,
    "maximum number of frames without content (pings, settings, empty data) in a burst")
  static let grpcIdleFramesPerSecond = grpcLimit(
    "idle-frames-per-second", "IDLE_FRAMES_PER_SECOND", "idleFramesPerSecond", GRPCLimits().idleFramesPerSecond,
    "maximum number of frames without content per second on average")
  static let httpConnections = httpLimit(
    "http-max-connections", "HTTP_MAX_CONNECTIONS", "connections", HTTPLimits().connections,
    "maximum number of open HTTP connections")
  static let httpHeaderBytes = httpLimit(
    "http-max-header-bytes", "HTTP_MAX_HEADER_BYTES", "headerBytes", HTTPLimits().headerBytes,
    "maximum size of a request's line and headers")
  static let httpRequestTimeout = httpLimit(
    "http-request-timeout", "HTTP_REQUEST_TIMEOUT", "requestTimeout", HTTPLimits().requestTimeout,
    "maximum time until a request has arrived, including the TLS handshake")
  static let httpIdleTimeout = httpLimit(
    "http-idle-timeout", "HTTP_IDLE_TIMEOUT", "idleTimeout", HTTPLimits().idleTimeout,
    "maximum time that a connection waits for its next request")
  static let httpWriteTimeout = httpLimit(
    "http-write-timeout", "HTTP_WRITE_TIMEOUT", "writeTimeout", HTTPLimits().writeTimeout,
    "maximum time that a response waits for a slow reader")
  static let pushBodyBytes = pushLimit(
    "push-max-body-bytes", "PUSH_MAX_BODY_BYTES", "bodyBytes", PushLimits().bodyBytes,
    "maximum size of the body of OTLP and remote write requests, before and after decompression")
  static let pushPoints = pushLimit(
    "push-max-points", "PUSH_MAX_POINTS", "points", PushLimits().points,
    "maximum number of points of OTLP and remote write requests")

  private static func pushLimit(
    _ flag: String, _ environment: String, _ key: String, _ limit: Int, _ help: String
  ) -> Setting<Int> {
    Setting(flag, environment, default: "\(limit)", file: "limits.push.\(key)", .limits, help)
  }

  private static func grpcLimit(
    _ flag: String, _ environment: String, _ key: String, _ limit: Int, _ help: String
  ) -> Setting<Int> {
    Setting(
      flag, environment, default: "\(limit)", file: "limits.grpc.\(key)", .limits, hosts: scalerHosts, help)
  }

  private static func grpcLimit(
    _ flag: String, _ environment: String, _ key: String, _ limit: Duration, _ help: String
  ) -> Setting<Duration> {
    Setting(
      flag, environment, default: DurationText.format(limit), file: "limits.grpc.\(key)", .limits, hosts: scalerHosts,
      help)
  }

  private static func httpLimit(
    _ flag: String, _ environment: String, _ key: String, _ limit: Int, _ help: String
  ) -> Setting<Int> {
    Setting(flag, environment, default: "\(limit)", file: "limits.http.\(key)", .limits, hosts: everyHost, help)
  }

  private static func httpLimit(
    _ flag: String, _ environment: String, _ key: String, _ limit: Duration, _ help: String
  ) -> Setting<Duration> {
    Setting(
      flag, environment, default: DurationText.format(limit), file: "limits.http.\(key)", .limits, hosts: everyHost,
      help)
  }

  /// The settings that only a file can contain, since they are lists.
  static let fileOnly: [(key: String, group: SettingDescriptor.Group, help: String)] = [
    (
      "workloads[].otherMetrics[]", .workload,
      "further metrics, each with its own `metric`, `source` and `policy.targetPerPod`; other settings are those of the "
        + "workload; the plan is the largest requirement, in the unit of the workload's own metric"
    ),
    (
      "workloads[].calendar.days[]", .workload,
      "days and hours on which the load differs from its pattern: `name`, `date` or `start` and `end` (local time), "
        + "`before` and `after`, and what is known of the load: `like: sunday`, or `load`, a factor; "
        + "[more](calendar.md)"
    ),
    (
      "workloads[].covariates[]", .workload,
      "other series that may tell how the load develops: `name`, and `query` (to the workload's server), `source`, or `schedule`, a "
        + "file of `time,value` or iCalendar whose values are known ahead; [more](covariates.md)"
    ),
    (
      "workloads[].policy.schedules[]", .capacity,
      "bounds at known times: `begins` (cron: minute, hour, day of the month, month, day of the week), `duration`, `min`, "
        + "`max`"
    ),
    (
      "discovery[].source", .discovery,
      "a source of type prometheus or victoriametrics with `query` and `label`: each value of the label becomes a workload of this "
        + "name; missing keys are those of `defaults.source`"
    ),
    ("discovery[].interval", .discovery, "how often the values of the label are read (default 1m)"),
    (
      "discovery[].keep", .discovery,
      "how long a workload stays whose value is not among the responses any more (default 1h); then its plan is removed"
    ),
    (
      "discovery[].limit", .discovery,
      "the largest number of workloads (default 1000); the first ones by name are kept, those that still have a series before others"
    ),
    (
      "discovery[].include", .discovery,
      "patterns of the values that become workloads; `*` and `?` as in shells (default `*`)"
    ),
    ("discovery[].exclude", .discovery, "patterns of the values that do not"),
    (
      "discovery[].defaults[]", .discovery,
      "`match`, patterns of names, and beside it settings of a workload; the first entry that matches a name applies to it, "
        + "over `defaults`"
    ),
  ]

  /// All of them, in the order of help and documentation.
  static let all: [SettingDescriptor] = [
    config.descriptor, watchConfig.descriptor, logFormat.descriptor, logLevel.descriptor,
    listen.descriptor, scalerListen.descriptor, scalerHTTPListen.descriptor, tlsEnabled.descriptor,
    tlsCertFile.descriptor, tlsKeyFile.descriptor, tlsCAFile.descriptor, tlsMinVersion.descriptor,
    tlsClientNames.descriptor,
    httpTokenFile.descriptor, pushTokenFile.descriptor,
    workload.descriptor, metric.descriptor, horizon.descriptor, step.descriptor, interval.descriptor,
    window.descriptor, settleTime.descriptor, maxSampleAge.descriptor, bridge.descriptor, ownLeadTime.descriptor,
    leadTimeQuery.descriptor, replicasQuery.descriptor, dropWhileStarting.descriptor, startingPodsQuery.descriptor,
    workloadLabels.descriptor, timeZone.descriptor, calendarCountry.descriptor,
    calendarHolidaysFile.descriptor, calendarEventsFile.descriptor,
    dryRun.descriptor, seriesAhead.descriptor, seriesQuantiles.descriptor,
    seriesWrite.descriptor, seriesWriteURL.descriptor, seriesWriteTokenFile.descriptor, seriesWriteCAFile.descriptor,
    adapter.descriptor, adapterURL.descriptor, adapterQuery.descriptor, adapterLabel.descriptor,
    adapterLabelValue.descriptor, adapterPartialResponse.descriptor, adapterMethod.descriptor,
    adapterHeaders.descriptor, adapterBody.descriptor, adapterValuePath.descriptor, adapterTimestampPath.descriptor,
    adapterTimestampFormat.descriptor, adapterTemplateVars.descriptor, adapterPath.descriptor,
    adapterSpeed.descriptor, adapterMetric.descriptor, adapterLabels.descriptor, adapterAttributes.descriptor,
    adapterRate.descriptor, adapterAddress.descriptor,
    adapterServerName.descriptor, adapterNamespace.descriptor, adapterScaledObject.descriptor,
    adapterTrigger.descriptor, adapterBootstrap.descriptor, adapterBearerToken.descriptor,
    adapterBearerTokenFile.descriptor, adapterBasicUser.descriptor, adapterBasicPassword.descriptor,
    adapterCAFile.descriptor, adapterCertFile.descriptor, adapterKeyFile.descriptor, adapterTimeout.descriptor,
    adapterProxy.descriptor,
    model.descriptor, byomURL.descriptor, arimaP.descriptor, arimaD.descriptor, arimaQ.descriptor,
    sarimaP.descriptor, sarimaD.descriptor, sarimaQ.descriptor, sarimaSP.descriptor, sarimaSD.descriptor,
    sarimaSQ.descriptor, sarimaS.descriptor,
    targetPerPod.descriptor, headroom.descriptor, quantileLevel.descriptor, shortageCost.descriptor,
    objective.descriptor, minReplicas.descriptor,
    maxReplicas.descriptor, upMaxFactor.descriptor, downMaxPercent.descriptor, prewarmSteps.descriptor,
    rounding.descriptor, reactiveFloor.descriptor, accuracyGate.descriptor, activationThreshold.descriptor,
    kubernetes.descriptor, kubeconfig.descriptor, namespace.descriptor, triggerAuthentication.descriptor,
    externalMetricsListen.descriptor, externalMetricsClientCAFile.descriptor, externalMetricsClientNames.descriptor,
    storage.descriptor, redisAddr.descriptor, redisURL.descriptor, redisUsername.descriptor,
    redisPassword.descriptor, redisPasswordFile.descriptor, redisDB.descriptor, redisTTL.descriptor,
    redisPrefix.descriptor, redisReadPrefixes.descriptor, redisSentinels.descriptor, redisSentinelMaster.descriptor,
    redisCluster.descriptor,
    redisSentinelUsername.descriptor, redisSentinelPassword.descriptor, redisTLS.descriptor,
    redisTLSCAFile.descriptor, redisTLSCertFile.descriptor, redisTLSKeyFile.descriptor,
    redisTLSServerName.descriptor, shardLease.descriptor,
    scalerAddress.descriptor, forecasterURL.descriptor, leadTime.descriptor, staleAfter.descriptor,
    forecasterTokenFile.descriptor,
    loops.descriptor,
    scorecardStartup.descriptor, scorecardUtilization.descriptor, scorecardPrice.descriptor,
    grpcConnections.descriptor, grpcStreams.descriptor, grpcMessageBytes.descriptor, grpcHeaderBytes.descriptor,
    grpcBufferedBytes.descriptor, grpcHandshakeTimeout.descriptor, grpcRequestTimeout.descriptor,
    grpcWriteTimeout.descriptor, grpcIdleTimeout.descriptor, grpcKeepAliveInterval.descriptor,
    grpcKeepAliveTimeout.descriptor, grpcConnectionAge.descriptor, grpcConnectionAgeGrace.descriptor,
    grpcResetBurst.descriptor, grpcResetsPerSecond.descriptor, grpcIdleFrameBurst.descriptor,
    grpcIdleFramesPerSecond.descriptor, httpConnections.descriptor, httpHeaderBytes.descriptor,
    httpRequestTimeout.descriptor, httpIdleTimeout.descriptor, httpWriteTimeout.descriptor,
    pushBodyBytes.descriptor, pushPoints.descriptor,
  ]

  /// The settings that `host` reads.
  static func of(_ host: Host) -> [SettingDescriptor] { all.filter { $0.hosts.contains(host) } }
}

import KedastralCore
import KedastralNet
import KedastralRedisStore

/// Creates a host's configuration from flags, environment and file.
struct HostReader {
  private let given: GivenSettings
  private let file: ConfigurationFile
  private let knownModels: [String]
  private let workloadsWithSource: Set<String>
  private let problems: ProblemList
  private let watched: WatchedFile?

  init(
    given: GivenSettings, file: ConfigurationFile, watched: WatchedFile?, knownModels: [String],
    workloadsWithSource: Set<String>, problems: ProblemList
  ) {
    self.watched = watched
    self.workloadsWithSource = workloadsWithSource
    var given = given
    if let place = file.workloads?.first?.origin ?? file.discovery?.first?.origin {
      for setting in given.removeOneWorkload() {
        problems.add(
          setting.origin,
          "describes a single workload, but the file describes its own (from \(place.fileAndLine)); move it there"
        )
      }
    }
    (self.given, self.file, self.knownModels, self.problems) = (given, file, knownModels, problems)
  }

  func forecaster() -> ForecasterConfiguration? {
    let workloads = readWorkloads()
    let discovery = readDiscovery()
    guard let listen = given.value(Settings.listen, file.listen), let log = readLog(),
      let tls = readTLS(needsCertificate: true),
      let storage = readStorage(),
      let scalerAddress = given.value(Settings.scalerAddress, file.scaler?.address),
      let scorecard = readScorecard()
    else { return nil }
    let httpLimits = limits.http(file.limits?.http)
    if scalerAddress.value.host.isEmpty {
      problems.add(
        scalerAddress.origin, "has no host that KEDA can reach; write one such as kedastral-scaler.default.svc:50051")
    }
    if case .redis(let redis, _) = storage {
      for workload in workloads where workload.interval.value >= redis.timeToLive {
        problems.add(
          workload.interval.origin,
          "the interval \(text(workload.interval.value)) is not shorter than the Redis TTL \(text(redis.timeToLive)), so plans would expire before they are renewed; lengthen the TTL"
        )
      }
      for (discovery, origin) in discovery {
        guard discovery.rules.contains(where: { $0.template.interval >= redis.timeToLive }) else { continue }
        problems.add(
          origin,
          "the interval of these workloads is not shorter than the Redis TTL \(text(redis.timeToLive)), so plans would expire before they are renewed; lengthen the TTL"
        )
      }
    }
    let seriesWrite = readSeriesWrite()
    if seriesWrite == nil {
      for workload in workloads where workload.configuration.series?.write != nil {
        problems.add(
          workload.name.origin,
          "the forecast is to be written (series.write), but there is no receiver; set seriesWrite.url")
      }
    }
    return ForecasterConfiguration(
      listen: listen.value, log: log, storage: storage, tls: tls, httpTokenFile: httpTokenFile,
      httpLimits: httpLimits, pushTokenFile: given.text(Settings.pushTokenFile, file.pushTokenFile)?.value,
      pushLimits: limits.push(file.limits?.push), seriesWrite: seriesWrite, scalerAddress: scalerAddress.value,
      workloads: workloads.map(\.configuration), discovery: discovery.map(\.settings), kubernetes: readKubernetes(),
      scorecard: scorecard, watchedFile: watchedFile)
  }

  private func readSeriesWrite() -> SeriesWriteConfiguration? {
    let section = file.seriesWrite
    guard let url = given.value(Settings.seriesWriteURL, section?.url) else { return nil }
    return SeriesWriteConfiguration(
      url: url.value, tokenFile: given.text(Settings.seriesWriteTokenFile, section?.tokenFile)?.value,
      caFile: given.text(Settings.seriesWriteCAFile, section?.caFile)?.value)
  }

  func scaler() -> ScalerConfiguration? {
    guard let log = readLog(), let tls = readTLS(needsCertificate: false), let storage = readStorage() else {
      return nil
    }
    return readScaler(log: log, storage: storage, tls: tls)
  }

  func allInOne() -> AllInOneConfiguration? {
    guard let forecaster = forecaster(),
      let scaler = readScaler(log: forecaster.log, storage: forecaster.storage, tls: forecaster.tls)
    else { return nil }
    for workload in forecaster.workloads where workload.interval >= scaler.staleAfter {
      problems.add(
        staleAfterOrigin,
        "workload '\(workload.name)' is forecast every \(text(workload.interval)), but its plan is stale after \(text(scaler.staleAfter)); lengthen stale-after to more than the interval"
      )
    }
    for (discovery, section) in zip(forecaster.discovery, file.discovery ?? []) {
      for interval in discovery.rules.map(\.template.interval) where interval >= scaler.staleAfter {
        problems.add(
          section.origin,
          "its workloads are forecast every \(text(interval)), but plans are stale after \(text(scaler.staleAfter)); lengthen stale-after to more than the interval"
        )
      }
    }
    return AllInOneConfiguration(forecaster: forecaster, scaler: scaler)
  }

  private var limits: LimitsReader { LimitsReader(given: given, problems: problems) }

  private var httpTokenFile: String? { given.text(Settings.httpTokenFile, file.httpTokenFile)?.value }

  private var watchedFile: WatchedFile? {
    given.value(Settings.watchConfig, file.watchConfig)?.value == true ? watched : nil
  }

  private var staleAfterOrigin: Origin {
    given.value(Settings.staleAfter, file.scaler?.staleAfter)?.origin ?? .nowhere
  }

  private func readScaler(
    log: LogConfiguration, storage: StorageConfiguration, tls: TLSConfiguration
  ) -> ScalerConfiguration? {
    let section = file.scaler
    guard let listen = given.value(Settings.scalerListen, section?.listen),
      let httpListen = given.value(Settings.scalerHTTPListen, section?.httpListen),
      let forecasterURL = given.value(Settings.forecasterURL, section?.forecasterUrl),
      let leadTime = given.value(Settings.leadTime, section?.leadTime),
      let staleAfter = given.value(Settings.staleAfter, section?.staleAfter),
      let loops = given.value(Settings.loops, section?.loops)
    else { return nil }
    let (grpcLimits, httpLimits) = (limits.grpc(file.limits?.grpc), limits.http(file.limits?.http))
    if leadTime.value < .zero {
      problems.add(leadTime.origin, "the lead time \(text(leadTime.value)) is negative; write one such as 5m, or 0")
    }
    if staleAfter.value <= .zero {
      problems.add(staleAfter.origin, "the age \(text(staleAfter.value)) is not positive; write one such as 2m")
    }
    if !(0...64).contains(loops.value) {
      problems.add(loops.origin, "the number of threads is \(loops.value); write 1 to 64, or 0 for one per core")
    }
    return ScalerConfiguration(
      listen: listen.value, httpListen: httpListen.value, forecasterURL: forecasterURL.value, storage: storage,
      leadTime: leadTime.value, staleAfter: staleAfter.value, log: log, tls: tls,
      httpTokenFile: httpTokenFile,
      forecasterTokenFile: given.text(Settings.forecasterTokenFile, section?.forecasterTokenFile)?.value,
      loops: loops.value, grpcLimits: grpcLimits, httpLimits: httpLimits, externalMetrics: readExternalMetrics(tls),
      watchedFile: watchedFile)
  }

  private func readExternalMetrics(_ tls: TLSConfiguration) -> ExternalMetricsConfiguration? {
    let section = file.externalMetrics
    let authority = given.text(Settings.externalMetricsClientCAFile, section?.clientCaFile)
    let names = given.value(Settings.externalMetricsClientNames, section?.clientNames)
    guard let listen = given.value(Settings.externalMetricsListen, section?.listen) else {
      if let origin = authority?.origin ?? names?.origin {
        problems.add(origin, "has no effect without external metrics; give -external-metrics-listen as well")
      }
      return nil
    }
    if !tls.isEnabled || tls.files.certificate == nil {
      problems.add(
        listen.origin,
        "the API server connects by TLS alone; give -tls-enabled, -tls-cert-file and -tls-key-file as well")
    }
    if let names, !names.value.isEmpty, authority == nil {
      problems.add(
        names.origin,
        "names are checked only in certificates of known authorities; give -external-metrics-client-ca-file, or neither"
      )
    }
    return ExternalMetricsConfiguration(
      listen: listen.value, clientAuthority: authority?.value, clientNames: names?.value ?? [],
      kubeconfig: given.text(Settings.kubeconfig, file.kubernetes?.kubeconfig)?.value)
  }

  private func readWorkloads() -> [WorkloadReader.Workload] {
    if let name = file.defaults?.name {
      problems.add(name.origin, "defaults apply to every workload, so they cannot have a name; move it to a workload")
    }
    let reader = WorkloadReader(
      given: given, defaults: file.defaults, knownModels: knownModels, workloadsWithSource: workloadsWithSource,
      problems: problems)
    guard let sections = file.workloads, !sections.isEmpty else {
      if file.discovery?.isEmpty == false { return [] }
      if given.texts[Settings.workload.descriptor.environment] == nil {
        // A workload may be what an unknown flag was meant to give.
        guard !given.hasUnknownFlags, !problems.concern(key: "workloads"), readKubernetes() == nil else { return [] }
        problems.add(
          .nowhere,
          "no workload is given; use -workload NAME -metric NAME -adapter-query PROMQL (or WORKLOAD, METRIC, ADAPTER_QUERY), or -config FILE with workloads"
        )
        return []
      }
      return [reader.read(nil)].compactMap(\.self)
    }
    let workloads = sections.compactMap(reader.read)
    var first: [WorkloadName: Origin] = [:]
    for section in sections {
      guard let name = section.content.name else { continue }
      if let earlier = first[name.value] {
        problems.add(
          name.origin,
          "there is already a workload '\(name.value)' (\(earlier.fileAndLine)); give each workload a different name")
      } else {
        first[name.value] = name.origin
      }
    }
    return workloads
  }

  private func readDiscovery() -> [(settings: DiscoveryConfiguration, origin: Origin)] {
    let reader = DiscoveryReader(given: given, defaults: file.defaults, knownModels: knownModels, problems: problems)
    return (file.discovery ?? []).compactMap { section in reader.read(section).map { ($0, section.origin) } }
  }

  private func readKubernetes() -> KubernetesConfiguration? {
    let section = file.kubernetes
    guard given.value(Settings.kubernetes, section?.enabled)?.value == true else { return nil }
    return KubernetesConfiguration(
      kubeconfig: given.text(Settings.kubeconfig, section?.kubeconfig)?.value,
      namespace: given.text(Settings.namespace, section?.namespace)?.value,
      triggerAuthentication: given.value(Settings.triggerAuthentication, section?.triggerAuthentication)?.value)
  }

  private func readScorecard() -> ScorecardSettings? {
    let section = file.scorecard
    guard let startup = given.value(Settings.scorecardStartup, section?.startup),
      let utilization = given.value(Settings.scorecardUtilization, section?.utilization)
    else { return nil }
    let price = given.value(Settings.scorecardPrice, section?.price)
    if startup.value < .zero || startup.value > .seconds(3600) {
      problems.add(
        startup.origin, "the startup time \(text(startup.value)) is not between 0s and 1h; write one such as 3m")
    }
    if !(utilization.value > 0 && utilization.value <= 1) {
      problems.add(
        utilization.origin,
        "the utilization \(utilization.value) is not a share above 0 and up to 1; write one such as 0.7")
    }
    if let price, !(price.value > 0 && price.value.isFinite) {
      problems.add(price.origin, "the price \(price.value) is not positive; write one such as 0.04")
    }
    return ScorecardSettings(startup: startup.value, utilization: utilization.value, price: price?.value)
  }

  private func readLog() -> LogConfiguration? {
    guard let format = given.value(Settings.logFormat, file.log?.format),
      let level = given.value(Settings.logLevel, file.log?.level)
    else { return nil }
    return LogConfiguration(format: format.value, level: level.value)
  }

  private func readTLS(needsCertificate: Bool) -> TLSConfiguration? {
    guard let enabled = given.value(Settings.tlsEnabled, file.tls?.enabled),
      let minVersion = given.value(Settings.tlsMinVersion, file.tls?.minVersion)
    else { return nil }
    let authorities = given.text(Settings.tlsCAFile, file.tls?.caFile)
    let clientNames = given.value(Settings.tlsClientNames, file.tls?.clientNames)
    if let clientNames, !clientNames.value.isEmpty, authorities == nil {
      problems.add(
        clientNames.origin, "client names can be checked only in certificates of known authorities; give -tls-ca-file")
    }
    let cert = given.text(Settings.tlsCertFile, file.tls?.certFile)
    let key = given.text(Settings.tlsKeyFile, file.tls?.keyFile)
    if enabled.value {
      if let lonely = cert ?? key, cert == nil || key == nil {
        problems.add(
          lonely.origin, "a certificate and its key must be given together; give both -tls-cert-file and -tls-key-file")
      } else if needsCertificate, cert == nil {
        problems.add(enabled.origin, "TLS needs a certificate and its key; give -tls-cert-file and -tls-key-file")
      }
    }
    return TLSConfiguration(
      isEnabled: enabled.value,
      files: TLSContext.Files(certificate: cert?.value, key: key?.value, authorities: authorities?.value),
      minVersion: minVersion.value, clientNames: clientNames?.value ?? [])
  }

  private func readStorage() -> StorageConfiguration? {
    guard let kind = given.value(Settings.storage, file.storage?.type) else { return nil }
    guard kind.value == .redis else { return .memory }
    let section = file.storage?.redis
    guard let endpoint = given.value(Settings.redisAddr, section?.addr),
      let database = given.value(Settings.redisDB, section?.db), let ttl = given.value(Settings.redisTTL, section?.ttl),
      let prefix = given.value(Settings.redisPrefix, section?.prefix),
      let isCluster = given.value(Settings.redisCluster, section?.cluster),
      let usesTLS = given.value(Settings.redisTLS, section?.tls),
      let shardLease = given.value(Settings.shardLease, section?.shardLease)
    else { return nil }
    let tls = readRedisTLS(section)
    if shardLease.value != .zero, shardLease.value < .seconds(1) {
      problems.add(
        shardLease.origin, "the lease \(text(shardLease.value)) is shorter than a second; write one such as 15s, or 0")
    }
    // An empty text counts as not given, as for the other texts: that is what an unset variable's default is written as.
    let password = given.value(Settings.redisPassword, section?.password).flatMap { $0.value.text.isEmpty ? nil : $0 }
    let passwordFile = given.text(Settings.redisPasswordFile, section?.passwordFile)
    let sentinels = given.value(Settings.redisSentinels, section?.sentinels)
    let master = given.text(Settings.redisSentinelMaster, section?.sentinelMaster)
    let url = given.value(Settings.redisURL, section?.url)
    if let url, !endpoint.origin.isBuiltIn {
      problems.add(url.origin, "a Redis URL and an address (\(endpoint.origin)) are given together; keep one of them")
    }
    if let sentinels, !sentinels.value.isEmpty {
      // The server is the one that the sentinels name.
      if let url {
        problems.add(
          url.origin,
          "a Redis URL and sentinels (\(sentinels.origin)) are given together; keep one of them, and give user, password and database of the sentinels' servers with their own settings"
        )
      } else if !endpoint.origin.isBuiltIn {
        problems.add(
          endpoint.origin, "a Redis address and sentinels (\(sentinels.origin)) are given together; keep one of them")
      }
    }
    if password != nil, let passwordFile {
      problems.add(passwordFile.origin, "a Redis password and a password file are given together; keep one of them")
    }
    if database.value < 0 {
      problems.add(database.origin, "the database number \(database.value) is negative; write 0 or more")
    }
    if ttl.value < .seconds(1) {
      problems.add(ttl.origin, "the TTL \(text(ttl.value)) is shorter than a second; write one such as 30m")
    }
    if let sentinels, !sentinels.value.isEmpty, master == nil {
      problems.add(sentinels.origin, "sentinels need the master's name; give -redis-sentinel-master")
    }
    if let master, sentinels?.value.isEmpty ?? true {
      problems.add(
        master.origin, "the master '\(master.value)' can only be found through sentinels; give -redis-sentinels")
    }
    if isCluster.value {
      if let sentinels, !sentinels.value.isEmpty {
        problems.add(sentinels.origin, "sentinels and a cluster are given together; keep one of them")
      }
      if database.value > 0 {
        problems.add(database.origin, "a Redis Cluster has only the database 0, not \(database.value); write 0")
      }
    }
    checkRedisTLS(usesTLS, section, url: url)
    let sentinelPassword = given.value(Settings.redisSentinelPassword, section?.sentinelPassword)
      .flatMap { $0.value.text.isEmpty ? nil : $0 }
    let sentinelUsername = given.text(Settings.redisSentinelUsername, section?.sentinelUsername)
    if let lonely = sentinelUsername?.origin ?? sentinelPassword?.origin, sentinels?.value.isEmpty ?? true {
      problems.add(lonely, "this needs sentinels, but none are given; give -redis-sentinels, or remove it")
    }
    let user = given.text(Settings.redisUsername, section?.username)?.value
    let secret: RedisConfiguration.Password? =
      password.map { .text($0.value.text) } ?? passwordFile.map { .file($0.value) }
    var redis = RedisConfiguration(server: endpoint.value)
    if let url {
      redis = RedisConfiguration(
        url.value, user: user, password: secret, database: database.origin.isBuiltIn ? nil : database.value)
    } else {
      redis.credentials = .init(user: user, password: secret)
      redis.database = database.value
    }
    if let sentinels, !sentinels.value.isEmpty {
      redis.findMaster(master?.value ?? "", with: sentinels.value)
    } else if isCluster.value {
      redis.joinCluster()
    }
    redis.sentinelCredentials = .init(
      user: sentinelUsername?.value, password: sentinelPassword.map { .text($0.value.text) })
    if usesTLS.value || redis.tls != nil { redis.tls = tls }
    redis.timeToLive = ttl.value
    redis.keyPrefix = prefix.value
    redis.alsoReadPrefixes = given.value(Settings.redisReadPrefixes, section?.readPrefixes)?.value ?? []
    // What a URL contradicts is known to the store alone.
    if problems.problems.isEmpty {
      do { try redis.validate() } catch { problems.add(.nowhere, "\(error)") }
    }
    return .redis(redis, shardLease: shardLease.value == .zero ? nil : shardLease.value)
  }

  private func readRedisTLS(_ section: RedisSection?) -> RedisConfiguration.TLS {
    let cert = given.text(Settings.redisTLSCertFile, section?.tlsCertFile)
    let key = given.text(Settings.redisTLSKeyFile, section?.tlsKeyFile)
    if let lonely = cert ?? key, cert == nil || key == nil {
      problems.add(
        lonely.origin,
        "a certificate and its key must be given together; give both -redis-tls-cert-file and -redis-tls-key-file")
    }
    return RedisConfiguration.TLS(
      files: TLSContext.Files(
        certificate: cert?.value, key: key?.value,
        authorities: given.text(Settings.redisTLSCAFile, section?.tlsCaFile)?.value),
      serverName: given.text(Settings.redisTLSServerName, section?.tlsServerName)?.value)
  }

  /// TLS that two settings contradict each other about, and files that would have no effect.
  private func checkRedisTLS(_ enabled: Located<Bool>, _ section: RedisSection?, url: Located<RedisURL>?) {
    let urlUsesTLS = url?.value.usesTLS ?? false
    if !enabled.origin.isBuiltIn, !enabled.value, urlUsesTLS {
      problems.add(
        enabled.origin, "TLS is off, but the URL's rediss:// turns it on (\(url?.origin ?? .nowhere)); keep one of them"
      )
    } else if !enabled.value, !urlUsesTLS {
      let files = [
        given.text(Settings.redisTLSCAFile, section?.tlsCaFile),
        given.text(Settings.redisTLSCertFile, section?.tlsCertFile),
        given.text(Settings.redisTLSServerName, section?.tlsServerName),
      ]
      if let unused = files.lazy.compactMap(\.self).first {
        problems.add(
          unused.origin,
          "this has no effect without TLS for Redis; give -redis-tls or a rediss:// URL, or remove it")
      }
    }
  }

  private func text(_ duration: Duration) -> String { DurationText.format(duration) }
}

extension Origin {
  /// The place in a file without column and key.
  fileprivate var fileAndLine: String {
    if case .file(let file, let line, _, _) = self { "\(file):\(line)" } else { description }
  }
}

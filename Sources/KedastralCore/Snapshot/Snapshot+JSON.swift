#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension JSONEncoder {
  /// An encoder that sorts keys and leaves slashes as they are, so that equal values have equal texts.
  package static var stable: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}

extension Snapshot {
  /// The snapshot as JSON, the form that stores keep and the HTTP API serves.
  public func json() throws -> Data { try JSONEncoder.stable.encode(SnapshotFields(self)) }

  /// The snapshot as a store keeps it: the same JSON, in which the far steps of a long plan are kept in blocks.
  package func storedJSON() throws -> Data {
    var fields = SnapshotFields(self)
    fields.keepFarInBlocks()
    return try JSONEncoder.stable.encode(fields)
  }

  /// Reads and checks a snapshot's JSON. Unknown fields are ignored.
  ///
  /// - Throws: SnapshotError when it does not parse, lengths differ, or a number is not finite or negative.
  public init(json: Data) throws { try self.init(json: json, decoder: JSONDecoder()) }

  /// Reads and checks a snapshot as the Go implementation writes it: the same fields, with capital initials. The usual spelling
  /// is read as well.
  package init(referenceJSON json: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { path in FieldName(stringValue: path.last?.stringValue ?? "") }
    try self.init(json: json, decoder: decoder)
  }

  private init(json: Data, decoder: JSONDecoder) throws {
    var fields: SnapshotFields
    do {
      fields = try decoder.decode(SnapshotFields.self, from: json)
    } catch let error as DecodingError {
      throw SnapshotError.malformed(error.shortDescription)
    }
    try fields.spreadFar()
    try self.init(fields)
  }
}

/// The name of a JSON field with a lower-case initial.
private struct FieldName: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue.prefix(1).lowercased() + stringValue.dropFirst() }
  init(intValue: Int) { stringValue = "\(intValue)" }
}

/// The JSON fields by name, before they are checked.
private struct SnapshotFields: Codable {
  var workload: String
  var metric: String
  var generatedAt: String
  var stepSeconds: Double
  var horizonSeconds: Double
  var values: [Double]
  /// Whole numbers; read as any number so that a fraction is reported by name.
  var desiredReplicas: [Double]
  var quantiles: [String: [Double]]?
  var plannedLoad: [Double]?
  var model: String?
  var currentValue: Double?
  var targetPerPod: Double?
  var capacityState: CapacityState?
  var accuracy: Snapshot.Accuracy?
  var reason: String?
  /// Written only when true.
  var dryRun: Bool?
  /// Written only when true.
  var learning: Bool?
  var activationThreshold: Double?
  var newestSampleAt: String?
  /// Written only when true, for readers that need not compare instants.
  var bridged: Bool?
  var bridgedUntil: String?
  var problem: String?
  var requiredReplicas: [Double]?
  var minReplicas: Int?
  var maxReplicas: Int?
  var leadTime: LeadTime?
  /// Written by stores only, for long plans.
  var far: FarSteps?

  /// Keeps the steps far ahead in blocks, if there are many.
  mutating func keepFarInBlocks() {
    guard FarSteps.isUsed(values.count) else { return }
    far = FarSteps(
      steps: values.count - FarSteps.near, every: FarSteps.blockLength,
      values: FarSteps.blocks(values, FarSteps.mean),
      desiredReplicas: FarSteps.blocks(desiredReplicas, FarSteps.largest),
      quantiles: quantiles?.mapValues { FarSteps.blocks($0, FarSteps.mean) },
      plannedLoad: plannedLoad.map { FarSteps.blocks($0, FarSteps.largest) },
      requiredReplicas: requiredReplicas.map { FarSteps.blocks($0, FarSteps.largest) })
    func near(_ path: [Double]) -> [Double] { Array(path.prefix(FarSteps.near)) }
    (values, desiredReplicas) = (near(values), near(desiredReplicas))
    (quantiles, plannedLoad) = (quantiles?.mapValues(near), plannedLoad.map(near))
    requiredReplicas = requiredReplicas.map(near)
  }

  /// Gives each step of a block the block's entry.
  mutating func spreadFar() throws(SnapshotError) {
    guard let far else { return }
    values = try far.extending(values, by: far.values, field: "values")
    desiredReplicas = try far.extending(desiredReplicas, by: far.desiredReplicas, field: "desiredReplicas")
    for (level, path) in quantiles ?? [:] {
      quantiles?[level] = try far.extending(path, by: far.quantiles?[level], field: "quantiles.\(level)")
    }
    if let path = plannedLoad { plannedLoad = try far.extending(path, by: far.plannedLoad, field: "plannedLoad") }
    if let path = requiredReplicas {
      requiredReplicas = try far.extending(path, by: far.requiredReplicas, field: "requiredReplicas")
    }
    self.far = nil
  }

  struct LeadTime: Codable {
    struct Startup: Codable {
      var seconds: Double
      var pods: Int
      var measuredAt: String
    }

    var seconds: Double
    var startup: Startup?
  }

  init(_ snapshot: Snapshot) {
    workload = snapshot.workload.text
    metric = snapshot.metric
    generatedAt = Timestamp.format(snapshot.generatedAt)
    stepSeconds = snapshot.step.inSeconds
    horizonSeconds = snapshot.horizon.inSeconds
    values = snapshot.values
    desiredReplicas = snapshot.desiredReplicas.map(Double.init)
    quantiles =
      snapshot.quantiles.isEmpty
      ? nil : Dictionary(snapshot.quantiles.paths.map { ("\($0.level)", $0.values) }) { first, _ in first }
    plannedLoad = snapshot.plannedLoad.isEmpty ? nil : snapshot.plannedLoad
    model = snapshot.model
    currentValue = snapshot.currentValue
    targetPerPod = snapshot.targetPerPod
    capacityState = snapshot.capacityState
    accuracy = snapshot.accuracy
    reason = snapshot.reason
    dryRun = snapshot.isDryRun ? true : nil
    learning = snapshot.isLearning ? true : nil
    activationThreshold = snapshot.activationThreshold
    newestSampleAt = snapshot.newestSampleAt.map(Timestamp.format)
    bridged = snapshot.bridgedUntil == nil ? nil : true
    bridgedUntil = snapshot.bridgedUntil.map(Timestamp.format)
    problem = snapshot.problem
    requiredReplicas = snapshot.requiredReplicas.isEmpty ? nil : snapshot.requiredReplicas.map(Double.init)
    minReplicas = snapshot.minReplicas
    maxReplicas = snapshot.maxReplicas
    leadTime = snapshot.leadTime.map { leadTime in
      LeadTime(
        seconds: leadTime.duration.inSeconds,
        startup: leadTime.startup.map {
          .init(seconds: $0.seconds, pods: $0.pods, measuredAt: Timestamp.format($0.measuredAt))
        })
    }
  }
}

extension Snapshot {
  fileprivate init(_ fields: SnapshotFields) throws(SnapshotError) {
    let name: WorkloadName
    do { name = try WorkloadName(fields.workload) } catch { throw SnapshotError.invalidWorkload(error) }
    try Self.check(stepSeconds: fields.stepSeconds, horizonSeconds: fields.horizonSeconds)
    var paths: [Quantiles.Path] = []
    for (key, values) in fields.quantiles ?? [:] {
      guard let level = Double(key) else {
        throw SnapshotError.invalidNumber(
          field: "quantiles", problem: "has the level '\(key.prefix(40))', expected 0…1")
      }
      paths.append(Quantiles.Path(level: level, values: values))
    }
    try self.init(
      workload: name, metric: fields.metric,
      generatedAt: try Self.instant(fields.generatedAt, field: "generatedAt"), step: .seconds(fields.stepSeconds),
      horizon: .seconds(fields.horizonSeconds), values: fields.values,
      desiredReplicas: try Self.replicas(fields.desiredReplicas, field: "desiredReplicas"),
      quantiles: Quantiles(paths), plannedLoad: fields.plannedLoad ?? [],
      requiredReplicas: try Self.replicas(fields.requiredReplicas ?? [], field: "requiredReplicas"),
      model: fields.model, currentValue: fields.currentValue, targetPerPod: fields.targetPerPod,
      capacityState: fields.capacityState, activationThreshold: fields.activationThreshold,
      accuracy: fields.accuracy, reason: fields.reason)
    minReplicas = fields.minReplicas
    maxReplicas = fields.maxReplicas
    isDryRun = fields.dryRun ?? false
    isLearning = fields.learning ?? false
    if let text = fields.newestSampleAt { newestSampleAt = try Self.instant(text, field: "newestSampleAt") }
    if let text = fields.bridgedUntil { bridgedUntil = try Self.instant(text, field: "bridgedUntil") }
    problem = fields.problem
    leadTime = try fields.leadTime.map(Self.leadTime)
    try checkLimits()
  }

  private static func leadTime(_ fields: SnapshotFields.LeadTime) throws(SnapshotError) -> WorkloadLeadTime {
    for (field, seconds) in [
      ("leadTime.seconds", fields.seconds), ("leadTime.startup.seconds", fields.startup?.seconds),
    ] {
      guard let seconds, !(0...86_400).contains(seconds) else { continue }
      throw SnapshotError.invalidNumber(field: field, problem: "is \(seconds), expected 0 to 86400")
    }
    var leadTime = WorkloadLeadTime(.seconds(fields.seconds))
    if let startup = fields.startup {
      leadTime.startup = PodStartup(
        seconds: startup.seconds, pods: startup.pods,
        measuredAt: try instant(startup.measuredAt, field: "leadTime.startup.measuredAt"))
    }
    return leadTime
  }

  private static func instant(_ text: String, field: String) throws(SnapshotError) -> Date {
    guard let instant = Timestamp.parse(text) else {
      throw SnapshotError.malformed("'\(field)' is '\(text.prefix(40))', not an RFC 3339 instant")
    }
    return instant
  }

  private static func replicas(_ numbers: [Double], field: String) throws(SnapshotError) -> [Int] {
    let replicas = numbers.compactMap { Int(exactly: $0) }
    guard replicas.count == numbers.count else {
      throw SnapshotError.invalidNumber(field: field, problem: "has an entry that is not a whole number")
    }
    return replicas
  }
}

extension DecodingError {
  /// One line: which field, and what is wrong with it.
  package var shortDescription: String {
    func path(_ context: Context, _ key: (any CodingKey)? = nil) -> String {
      let keys = context.codingPath + (key.map { [$0] } ?? [])
      return keys.isEmpty ? "the document" : "'" + keys.map(\.stringValue).joined(separator: ".") + "'"
    }
    switch self {
    case .keyNotFound(let key, let context): return "\(path(context, key)) is missing"
    case .typeMismatch(let type, let context): return "\(path(context)) is not of type \(type)"
    case .valueNotFound(let type, let context): return "\(path(context)) is null, expected \(type)"
    case .dataCorrupted(let context):
      return context.codingPath.isEmpty ? context.debugDescription : "\(path(context)) \(context.debugDescription)"
    @unknown default: return "it cannot be decoded"
    }
  }
}

import KedastralCore

extension HeadroomQuestion {
  /// The most workloads of one trigger.
  private static let mostMembers = 200

  /// Reads the keys `headroom`, `workloads` and `placeholder` of a trigger; nil without the first.
  ///
  /// - Throws: INVALID_ARGUMENT naming the key, its value and what would be right.
  package init?(_ metadata: ScaledObjectReference.Metadata) throws(GRPCStatus) {
    guard let startup = metadata["headroom"] else {
      for key in ["workloads", "placeholder"] {
        if let value = metadata[key] {
          throw Trigger.invalid(key, value, "it together with headroom, the time until a new node is ready")
        }
      }
      return nil
    }
    guard let nodeStartup = try? DurationText.parse(startup), nodeStartup > .zero, nodeStartup <= .seconds(7200) else {
      throw Trigger.invalid("headroom", startup, "the time until a new node is ready, up to 2h, such as 3m")
    }
    let size = metadata["placeholder"] ?? ""
    guard let placeholder = Requests(size), placeholder.cpu > 0 || placeholder.memory > 0 else {
      throw Trigger.invalid("placeholder", size, "the requests of a placeholder pod as CPU/memory, such as 1/2Gi")
    }
    let list = metadata["workloads"] ?? ""
    var members: [Member] = []
    for part in list.split(separator: ",") {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2, let pod = Requests(sides[1].trimmed),
        (try? WorkloadName(String(sides[0].trimmed))) != nil
      else {
        throw Trigger.invalid(
          "workloads", String(part), "each workload with the requests of a pod, such as api-app=500m/512Mi")
      }
      members.append(Member(workload: String(sides[0].trimmed), pod: pod))
    }
    guard !members.isEmpty, members.count <= Self.mostMembers else {
      throw Trigger.invalid(
        "workloads", list, "1 to \(Self.mostMembers) workloads with the requests of a pod, such as api-app=500m/512Mi")
    }
    self.init(members: members, placeholder: placeholder, nodeStartup: nodeStartup)
  }
}

extension HeadroomQuestion.Requests {
  /// Requests as `CPU/memory`, in the quantities of Kubernetes.
  package init?(_ text: some StringProtocol) {
    let sides = text.split(separator: "/", omittingEmptySubsequences: false)
    guard sides.count == 2, let cpu = Self.quantity(sides[0].trimmed), let memory = Self.quantity(sides[1].trimmed)
    else { return nil }
    self.init(cpu: cpu, memory: memory)
  }

  private static let units: [(suffix: String, factor: Double)] = [
    ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776), ("m", 0.001), ("k", 1000),
    ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("", 1),
  ]

  /// A quantity such as `500m`, `0.5` or `512Mi`; nil for other texts.
  private static func quantity(_ text: String) -> Double? {
    guard let unit = units.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
    let digits = text.dropLast(unit.suffix.count)
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let number = Double(digits), number.isFinite
    else { return nil }
    return number * unit.factor
  }
}

extension StringProtocol {
  /// The text without spaces at both ends.
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}

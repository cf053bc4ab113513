import Glibc
import KedastralCore

/// The metrics that every process exports under the names of Prometheus's client libraries: `process_…`, from `/proc`.
struct ProcessMetrics: Sendable {
  private let cpu: Metric
  private let resident: Metric
  private let virtual: Metric
  private let openDescriptors: Metric
  private let maximumDescriptors: Metric
  private let start: Metric

  init(_ registry: MetricsRegistry) {
    cpu = registry.counter("process_cpu_seconds_total", help: "CPU time that the process has used.").with()
    resident = registry.gauge("process_resident_memory_bytes", help: "Resident memory of the process.").with()
    virtual = registry.gauge("process_virtual_memory_bytes", help: "Virtual memory of the process.").with()
    openDescriptors = registry.gauge("process_open_fds", help: "Open file descriptors of the process.").with()
    maximumDescriptors = registry.gauge(
      "process_max_fds", help: "Maximum number of file descriptors the process can open."
    ).with()
    start = registry.gauge("process_start_time_seconds", help: "Start of the process, in seconds since 1970.").with()
    if let instant = Self.startTime() { start.set(instant) }
  }

  /// Reads them again.
  func update() {
    var time = timespec()
    if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 {
      cpu.set(Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
    }
    let pages = Self.text("/proc/self/statm").split(separator: " ").compactMap { Double($0) }
    let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
    if pages.count > 1 {
      virtual.set(pages[0] * pageSize)
      resident.set(pages[1] * pageSize)
    }
    if let count = Self.countOfEntries("/proc/self/fd") { openDescriptors.set(Double(count)) }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      maximumDescriptors.set(Double(limit.rlim_cur))
    }
  }

  /// Seconds since 1970: the start in ticks since the system's boot, and the time of that.
  private static func startTime() -> Double? {
    // The program's name, in parentheses, may hold spaces; the 22nd field is the 20th behind it.
    let fields = text("/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
    let boot = text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }?.dropFirst(6)
    guard fields.count > 19, let ticks = Double(fields[19]), let boot = boot.flatMap({ Double($0) }) else { return nil }
    return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// A file of `/proc`; empty when it cannot be read.
  private static func text(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = Array(repeating: UInt8(0), count: 16 << 10)
    while true {
      let count = read(descriptor, &part, part.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += part[..<count]
    }
  }

  /// How many entries a folder has, without the one that looking takes; nil when it cannot be read.
  private static func countOfEntries(_ path: String) -> Int? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count - 3  // `.`, `..`, and the folder itself
  }
}

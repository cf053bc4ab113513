import Foundation

/// Files that are replaced all at once, as Kubernetes does with a mounted ConfigMap or Secret: each is a symbolic link into
/// `..data`, which is a symbolic link to a folder with the current files, and it is that link that is replaced.
public final class MountedFolder {
  private let folder: TemporaryFolder
  private var current: URL?
  private var turns = 0

  /// Makes an empty folder.
  public init() throws { folder = try TemporaryFolder() }

  /// Where a file is for those who read it.
  public func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

  /// Replaces all files.
  public func turn(to files: [String: Data]) throws {
    let manager = FileManager.default
    turns += 1
    let target = folder.url.appendingPathComponent("..2026_11_26_\(turns)")
    try manager.createDirectory(at: target, withIntermediateDirectories: false)
    for (name, content) in files { try content.write(to: target.appendingPathComponent(name)) }
    let link = folder.url.appendingPathComponent("..data_tmp")
    try manager.createSymbolicLink(atPath: link.path, withDestinationPath: target.lastPathComponent)
    guard rename(link.path, path("..data")) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    for name in files.keys where (try? manager.destinationOfSymbolicLink(atPath: path(name))) == nil {
      try manager.createSymbolicLink(atPath: path(name), withDestinationPath: "..data/\(name)")
    }
    if let current { try manager.removeItem(at: current) }
    current = target
  }

  /// Replaces all files by copies of others.
  public func turn(toCopiesOf files: [String: String]) throws {
    try turn(to: files.mapValues { try Data(contentsOf: URL(fileURLWithPath: $0)) })
  }
}

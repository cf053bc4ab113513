import Synchronization

/// A TLS context that follows its files: certificates are rotated without a restart, and without dropping a connection.
/// Its users call ``refresh()`` periodically, which checks each file for changes with a stat. New
/// connections use the newest files that could be loaded; those that exist keep what they began with. When new files cannot be
/// used (a key that does not belong to its certificate yet), the old ones stay.
package final class TLSIdentity: Sendable {
  /// What came of a change of files.
  package enum Change: Sendable {
    /// They are in use for new connections.
    case loaded(TLSContext)
    /// They cannot be used; the ones before stay.
    case refused(TLSContext.LoadError)
  }

  private struct State {
    var context: TLSContext
    var versions: [FileVersion?]
  }

  /// Whether clients are asked for a certificate.
  package let demandsCertificates: Bool
  private let paths: [String]
  private let load: @Sendable () throws -> TLSContext
  private let onChange: @Sendable (Change) -> Void
  private let state: Mutex<State>

  /// Loads the files; the parameters are those of ``TLSContext``.
  ///
  /// - Parameters:
  ///   - onChange: called for each change of the files, including the first loading.
  ///   - commonNames: requested whenever the files are loaded.
  package init(
    _ role: TLSContext.Role, files: TLSContext.Files, protocols: [String] = [],
    minimumVersion: TLSContext.MinimumVersion? = nil, peers: [String] = [],
    clients: TLSContext.ClientCertificates = .required,
    onChange: @escaping @Sendable (Change) -> Void = { _ in },
    commonNames: @escaping @Sendable () -> [String] = { [] }
  ) throws {
    demandsCertificates = role == .server && files.authorities != nil
    paths = [files.certificate, files.key, files.authorities].compactMap(\.self)
    load = {
      try TLSContext(
        role, files: files, protocols: protocols, minimumVersion: minimumVersion, peers: peers,
        commonNames: commonNames(), clients: clients)
    }
    self.onChange = onChange
    // The versions first: a change while the files are read is seen by the next look.
    let versions = paths.map { FileVersion(path: $0) }
    let context = try load()
    state = Mutex(State(context: context, versions: versions))
    onChange(.loaded(context))
  }

  /// What new connections use.
  package var context: TLSContext { state.withLock { $0.context } }

  /// Loads the files when they have changed since the last look.
  package func refresh() {
    let change: Change? = state.withLock { state in
      let versions = paths.map { FileVersion(path: $0) }
      guard versions != state.versions else { return nil }
      state.versions = versions
      do {
        state.context = try load()
        return .loaded(state.context)
      } catch let error as TLSContext.LoadError {
        return .refused(error)
      } catch {
        return nil
      }
    }
    if let change { onChange(change) }
  }
}

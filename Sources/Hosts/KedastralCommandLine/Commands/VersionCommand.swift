import CBuild
import KedastralCore
import KedastralDaemon
import KedastralGRPC
import KedastralHTTP

/// `kedastral version`: what this program is and what it speaks.
enum VersionCommand: Command {
  static let name = "version"
  static let summary = "show the version, the commit, the compiler, and the interface to KEDA"

  static let syntax = CommandSyntax(
    about: """
      kedastral version shows the version of this program, its commit and when it was built, the Swift compiler that built it,
      and KEDA's interface.
      """,
    usage: ["[options]"],
    groups: [.init(title: "Output", options: [.output(["text", "json"]), .json])],
    examples: """
      kedastral version
      kedastral version -o json
      """)

  /// The language version that the compiler supports; it has no other name at compile time.
  private static var compiler: String {
    #if compiler(>=6.3)
      "6.3 or later"
    #elseif compiler(>=6.2)
      "6.2"
    #elseif compiler(>=6.1)
      "6.1"
    #else
      "6.0"
    #endif
  }

  /// The commit of the build; nil when the build was not given it.
  private static var commit: String? {
    let text = String(cString: kedastral_build_commit)
    return text.isEmpty ? nil : text
  }

  static func run(_ options: CommandOptions) async throws {
    let date = String(cString: kedastral_build_date)
    guard options.wantsJSON else {
      Program.show(
        """
        kedastral \(Program.version)
        Commit    \(commit ?? "unknown")
        Built     \(date)
        Swift     \(compiler)
        KEDA API  \(ExternalScalerClient.serviceName)
        """)
      return
    }
    var text = JSONText()
    text.object {
      $0.member("version", Program.version)
      if let commit { $0.member("commit", commit) }
      $0.member("built", date)
      $0.member("swift", compiler)
      $0.member("kedaAPI", ExternalScalerClient.serviceName)
    }
    Program.show(String(decoding: text.bytes, as: UTF8.self))
  }
}

import KedastralCore
import KedastralDaemon
import KedastralGRPC
import KedastralHTTP

/// `kedastral version`: what this program is and what it speaks.
enum VersionCommand: Command {
  static let name = "version"
  static let summary = "show the version, the compiler, and the interface to KEDA"

  static let syntax = CommandSyntax(
    about:
      "kedastral version shows the version of this program, the Swift compiler that built it, and KEDA's interface.",
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

  static func run(_ options: CommandOptions) async throws {
    guard options.wantsJSON else {
      Program.show("kedastral \(Program.version)\nSwift     \(compiler)\nKEDA API  \(ExternalScalerClient.serviceName)")
      return
    }
    var text = JSONText()
    text.object {
      $0.member("version", Program.version)
      $0.member("swift", compiler)
      $0.member("kedaAPI", ExternalScalerClient.serviceName)
    }
    Program.show(String(decoding: text.bytes, as: UTF8.self))
  }
}

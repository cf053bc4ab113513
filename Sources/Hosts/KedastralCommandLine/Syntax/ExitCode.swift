/// The exit codes of a command.
enum ExitCode {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let askedWrongly: Int32 = 2

  /// For help, manual and documentation.
  static let help = """
    Exit codes: 0: success; 1: failure, for example a server that does not respond, a file that cannot be parsed, or a failed
    forecast; 2: usage error, for example an unknown option or an invalid value.
    """
}

import Glibc
import KedastralDaemon

/// The size of a terminal in characters.
struct TerminalSize: Equatable {
  /// The standard size, for a terminal that does not report one.
  static let standard = TerminalSize(columns: 80, rows: 24)

  var columns: Int
  var rows: Int

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
  }

  /// The size of the terminal behind a descriptor; the standard size when there is none.
  init(of descriptor: CInt) {
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 {
      self.init(columns: Int(size.ws_col), rows: Int(size.ws_row))
    } else {
      self = .standard
    }
  }
}

import KedastralCore
import Testing

@testable import KedastralDaemon

@Suite("Forms of input")
struct InputFormsTests {
  @Test(
    "a whole number may be written with a zero fraction or an exponent",
    arguments: [
      ("20.0", 20), ("4.194304e+06", 4_194_304), ("1e+07", 10_000_000), ("-2.50e1", -25), ("1200e-2", 12), ("0.0", 0),
      ("9.223372036854775807e18", Int.max),
    ])
  func whole(text: String, number: Int) throws {
    #expect(WholeNumber.parse(text) == number)
  }

  @Test(
    "a fraction, a number out of range or another text is not a whole number",
    arguments: ["20.5", "1e-1", "1e19", "9223372036854775808", "1e999999999999999999999", "e5", ".", "", "1.0x", "nan"])
  func refused(text: String) throws {
    #expect(WholeNumber.parse(text) == nil)
  }

  @Test("a byte order mark is not part of a YAML document", arguments: ["", "# note\n", "---\n"])
  func mark(begin: String) throws {
    let root = try YAMLParser.parse("\u{FEFF}\(begin)a: 1\nb: 2\n", file: "k.yaml")
    #expect(root.kind == "a mapping of keys")
  }
}

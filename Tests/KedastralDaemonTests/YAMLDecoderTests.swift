import Testing

@testable import KedastralDaemon

@Suite("A decoder for plain Decodable types")
struct YAMLDecoderTests {
  private struct Person: Decodable, Equatable {
    struct Address: Decodable, Equatable {
      var street: String
      var number: Int?
    }
    var name: String
    var age: Int?
    var height: Double?
    var isAdmin: Bool?
    var tags: [String]?
    var home: Address?
    var labels: [String: String]?
  }

  private func decode(_ text: String, environment: [String: String] = [:]) throws -> Person {
    try YAMLDecoder(file: "p.yaml", environment: environment).decode(Person.self, from: text)
  }

  @Test("scalars, lists, mappings and nested types are read")
  func everything() throws {
    let person = try decode(
      """
      name: Ada
      age: 36
      height: 1.6
      isAdmin: true
      tags: [a, "b c"]
      home: {street: Main, number: 5}
      labels: {any: key, 7: "8"}
      """)
    #expect(
      person
        == Person(
          name: "Ada", age: 36, height: 1.6, isAdmin: true, tags: ["a", "b c"], home: .init(street: "Main", number: 5),
          labels: ["any": "key", "7": "8"]))
  }

  @Test("an empty value, ~ and null count as not given, but as texts in quotes")
  func null() throws {
    #expect(try decode("name: 'null'\nage:\nheight: ~\nhome: null\n") == Person(name: "null"))
  }

  @Test("all errors are reported together, from top to bottom")
  func allProblems() {
    let found = problems {
      _ = try decode(
        """
        name: Ada
        age: old
        hieght: 2
        tags: x
        home:
          street: [1]
        """)
    }
    #expect(
      found == [
        "p.yaml:2:6: age: 'old' is not a whole number",
        "p.yaml:3:1: unknown key 'hieght'; did you mean height?",
        "p.yaml:4:7: tags: expected a list, with a dash before each entry, found a single value",
        "p.yaml:6:11: home.street: expected a single value, found a list",
      ])
  }

  @Test("unknown keys name the nearest key that is not used yet, or all of them")
  func unknownKeys() {
    #expect(
      problems { _ = try decode("name: A\nhome: {street: Main, nubmer: 5, colour: red}\n") } == [
        "p.yaml:2:22: home: unknown key 'nubmer'; did you mean number?",
        "p.yaml:2:33: home: unknown key 'colour'; known: number, street",
      ])
  }

  @Test("a missing key is reported with the position of its mapping")
  func missing() {
    #expect(problems { _ = try decode("age: 5") } == ["p.yaml:1:1: the key 'name' is missing"])
  }

  @Test("placeholders use the environment's value, whatever type the key has")
  func placeholders() throws {
    let person = try decode("name: ${WHO}\nage: ${AGE}\n", environment: ["WHO": "a: {b}", "AGE": "7"])
    #expect(person == Person(name: "a: {b}", age: 7))
  }

  @Test("an unset variable is reported by name, and an invalid value is shown as written")
  func unsetPlaceholder() {
    #expect(
      problems {
        _ = try decode("name: x\nage: ${AGE}\nhome: {street: '${STREET}'}\n", environment: ["AGE": "hunter2"])
      } == [
        "p.yaml:2:6: age: '${AGE}' is not a whole number",
        "p.yaml:3:16: home.street: the environment variable STREET is not set; set it, or write $${STREET} for the literal text",
      ])
  }
}

@Suite("Placeholders in values")
struct PlaceholdersTests {
  private let environment = ["A": "1", "B_2": "two", "EMPTY": "", "LOOP": "${A}"]

  @Test(
    "${NAME} is replaced, a default is used when it is unset, $${ is a literal, other dollars stay",
    arguments: [
      ("${A}", "1"), ("x${A}-${B_2}y", "x1-twoy"), ("${EMPTY}", ""), ("$${A}", "${A}"), ("a$${A}${A}", "a${A}1"),
      ("path=~\"/api$\"", "path=~\"/api$\""), ("$A", "$A"), ("${NO:-x}", "x"), ("${NO-x}", "x"), ("${EMPTY:-x}", "x"),
      ("${EMPTY-x}", ""), ("${A:-${NO}}", "1"), ("${NO:-${B_2}-y}z", "two-yz"), ("${A:?m}", "1"), ("$$", "$$"),
      ("$$$${A}", "$$${A}"), ("${LOOP}", "${A}"),
    ])
  func expand(text: String, result: String) throws {
    #expect(try Placeholders.expand(text, environment: environment) == result)
  }

  @Test("an unset variable is an error")
  func unset() {
    #expect(throws: Placeholders.Problem.unset("NOPE")) { try Placeholders.expand("${NOPE}", environment: [:]) }
    #expect(throws: Placeholders.Problem.demanded("NOPE", message: "set it")) {
      try Placeholders.expand("${NOPE:?set it}", environment: [:])
    }
  }

  @Test(
    "a malformed ${ is rejected",
    arguments: ["${env:A}", "${A:+x}", "${}", "${1}", "${a b}", "${A:=x}", "${", "${A", "x${A:-y", "${NO:-${A}"])
  func refused(text: String) {
    #expect(throws: Placeholders.Problem.self) { try Placeholders.expand(text, environment: environment) }
  }
}

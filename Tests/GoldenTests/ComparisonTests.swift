import Testing

@Suite("Comparison with a recorded document")
struct ComparisonTests {
  private func differences(_ recorded: String, _ actual: String) throws -> [String] {
    try JSONDocument(json: actual).differences(from: JSONDocument(json: recorded))
  }

  @Test(
    "an added member is not a difference, at any depth",
    arguments: [
      (#"{"a":1}"#, #"{"a":1,"b":2}"#), (#"{"a":[{"b":null}]}"#, #"{"a":[{"b":null,"c":[]}],"d":{}}"#),
      ("0.1", "0.10000000000000003"),
    ])
  func additions(recorded: String, actual: String) throws {
    #expect(try differences(recorded, actual) == [])
  }

  @Test(
    "a changed or missing value is named by its path",
    arguments: [
      (#"{"a":{"b":1}}"#, #"{"a":{}}"#, "$.a.b is missing"), (#"{"a":[1,2]}"#, #"{"a":[1,3]}"#, "$.a[1] is 3.0"),
      ("[1]", "[1,1]", "$ has 2 entries"), (#"{"a":1}"#, #"{"a":"1"}"#, "$.a is '1', recorded was 1.0"),
      ("true", "1", "$ is 1.0, recorded was true"), ("1000", "1000.001", "$ is 1000.001"),
    ])
  func changes(recorded: String, actual: String, expected: String) throws {
    let found = try differences(recorded, actual)
    #expect(found.count == 1 && found[0].hasPrefix(expected), "\(found)")
  }

  @Test("a shape has types by path, and merges those of a list's elements")
  func shapes() throws {
    let shape = try JSONDocument(json: #"{"a":[1,null,{"b":"x"}],"c":false}"#).shape
    #expect(
      shape == [
        "$": "object", "$.a": "array", "$.a[]": "null|number|object", "$.a[].b": "string", "$.c": "boolean",
      ])
  }
}

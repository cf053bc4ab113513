import Foundation
import KedastralCore
import Testing

@Suite("Workload names")
struct WorkloadNameTests {
  @Test(
    "letters, digits, - and _ make a name", arguments: ["a", "api-app", "A_1-b", String(repeating: "x", count: 253)])
  func valid(text: String) throws { #expect(try WorkloadName(text).text == text) }

  @Test(
    "anything else is refused by name",
    arguments: ["", "-a", "a-", "a b", "a/b", "ä", "a\0b", "a\n", String(repeating: "x", count: 254)])
  func invalid(text: String) {
    let error = #expect(throws: InvalidWorkloadName.self) { try WorkloadName(text) }
    #expect(error?.description.contains("is not a workload name") == true)
    #expect((error?.description.count ?? 0) < 250)
  }

  @Test("it is a text in JSON, and an invalid text is refused where it stands")
  func codable() throws {
    let names = [try WorkloadName("api"), try WorkloadName("a_b-1")]
    let json = try JSONEncoder().encode(names)
    #expect(String(decoding: json, as: UTF8.self) == #"["api","a_b-1"]"#)
    #expect(try JSONDecoder().decode([WorkloadName].self, from: json) == names)
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([WorkloadName].self, from: Data(#"["api","a b"]"#.utf8))
    }
    guard case .dataCorrupted(let context) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(context.debugDescription.hasPrefix("'a b' is not a workload name") && context.codingPath.count == 1)
  }
}

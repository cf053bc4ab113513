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
}

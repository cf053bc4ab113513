import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("Watching the configuration file")
struct FileWatchTests {
  @Test("new content is reported once, after two identical reads")
  func settles() {
    var watch = FileWatch<Int>(considered: 1)
    #expect(!watch.poll(1) { 1 } && !watch.poll(1) { 1 })
    #expect(!watch.poll(2) { 2 } && !watch.poll(3) { 3 }, "it is being written")
    #expect(watch.poll(3) { 3 })
    watch.considered = 3
    #expect(!watch.poll(3) { 3 })
    #expect(!watch.poll(4) { 3 } && !watch.poll(4) { 3 }, "written again with the same content")
  }

  @Test("removing a file and writing it again are both reported")
  func gone() {
    var watch = FileWatch<Int>(considered: 1)
    #expect(!watch.poll(nil) { nil } && watch.poll(nil) { nil })
    watch.considered = nil
    #expect(!watch.poll(1) { 1 } && watch.poll(1) { 1 })
  }
}

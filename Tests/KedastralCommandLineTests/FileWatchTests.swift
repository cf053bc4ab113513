import Testing

@testable import KedastralCommandLine
@testable import KedastralDaemon

@Suite("Watching the configuration file")
struct FileWatchTests {
  @Test("new content counts once it is the same at two looks, and only once")
  func settles() {
    var watch = FileWatch<Int>(considered: 1)
    #expect(!watch.poll(1) { 1 } && !watch.poll(1) { 1 })
    #expect(!watch.poll(2) { 2 } && !watch.poll(3) { 3 }, "it is being written")
    #expect(watch.poll(3) { 3 })
    watch.considered = 3
    #expect(!watch.poll(3) { 3 })
    #expect(!watch.poll(4) { 3 } && !watch.poll(4) { 3 }, "written again with the same content")
  }

  @Test("a file that is gone and comes back is read at both changes")
  func gone() {
    var watch = FileWatch<Int>(considered: 1)
    #expect(!watch.poll(nil) { nil } && watch.poll(nil) { nil })
    watch.considered = nil
    #expect(!watch.poll(1) { 1 } && watch.poll(1) { 1 })
  }
}

import KedastralSources
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One watch: the lines of one response, as they arrive.
enum Watch {
  /// The reader did not keep up, so that lines were lost: everything has to be listed again.
  struct FellBehind: Error {}

  /// The lines that wait for their reader at most.
  private static let longestQueue = 1024

  /// Starts a watch; it ends with its reader.
  static func lines(
    _ client: KubernetesClient, path: String, name: String
  ) -> AsyncThrowingStream<[UInt8], any Error> {
    AsyncThrowingStream(bufferingPolicy: .bufferingOldest(longestQueue)) { continuation in
      let task = Task {
        do {
          try await receive(client, path: path, name: name, continuation)
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  private static func receive(
    _ client: KubernetesClient, path: String, name: String,
    _ continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation
  ) async throws {
    var endpoint = client.access.endpoint
    endpoint.deadline = client.settings.watchIdleLimit
    let request = HTTPRequest(
      endpoint, path: path, headers: [HTTPHeader("Accept", "application/json")], acceptsCompression: false)
    let splitter = Mutex(LineSplitter(limit: client.settings.longestEvent))
    let failure = Mutex<(any Error)?>(nil)
    let answer: HTTPResponse
    do {
      answer = try await client.http.stream(request) { bytes in
        do {
          for line in try splitter.withLock({ try $0.lines(adding: bytes) }) {
            if case .dropped = continuation.yield(line) { throw FellBehind() }
          }
          return true
        } catch let error as LineSplitter.TooLong {
          let reason = KubernetesError.Reason.unexpectedAnswer("an event is longer than \(error.limit) bytes")
          failure.withLock { $0 = KubernetesError(request: name, reason: reason) }
        } catch {
          failure.withLock { $0 = error }
        }
        return false
      }
    } catch let error as HTTPError {
      throw KubernetesError(request: name, reason: .unreachable("\(error.reason)"))
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
    guard answer.isSuccess else { throw Refusal(answer, of: name) }
  }

  /// The server refused the watch.
  struct Refusal: Error {
    let error: KubernetesError
    let retryAfter: Duration?

    init(_ answer: HTTPResponse, of name: String) {
      error = KubernetesError(request: name, reason: KubernetesClient.refusal(answer))
      retryAfter = answer.retryAfter
    }
  }
}

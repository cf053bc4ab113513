import Foundation
import Synchronization
import TestSupport

/// The official gRPC client in a Python process, one command and answer at a time (Tests/Python/grpc_client.py).
final class PythonClient: Sendable {
  /// What came back: fields by the kind of response.
  struct Answer: Decodable, Sendable {
    var code: String?
    var message: String?
    var active: Bool?
    var metric: String?
    var integer: Int64?
    var value: Double?
    var health: String?
    var counts: [String: Int]?
    var services: [String]?
    var fields: [String]?
    var methods: [String]?
    var missing: String?
    var trailers: [String: String]?
  }

  /// A stream's messages and end, in order.
  final class Stream: Sendable {
    let identifier: Int
    private let client: PythonClient
    private let seen = Mutex(0)

    fileprivate init(_ identifier: Int, _ client: PythonClient) {
      self.identifier = identifier
      self.client = client
    }

    /// The next message, or the end, which has a code.
    func next(within deadline: Duration = .seconds(60)) async throws -> Answer {
      let index = seen.withLock { seen in
        seen += 1
        return seen
      }
      try await eventually("message \(index) of a stream", within: deadline) {
        client.answers(of: identifier).count >= index
      }
      return client.answers(of: identifier)[index - 1]
    }

    /// How many messages have come that ``next(within:)`` has not returned.
    var unreadCount: Int { client.answers(of: identifier).count - seen.withLock { $0 } }

    func cancel() async throws { try await client.perform(["do": "cancel", "stream": identifier]) }
  }

  private struct State {
    var nextIdentifier = 0
    var answers: [Int: [Answer]] = [:]
    /// How much of the client's output has been taken, in whole lines.
    var taken = 0
  }

  private let process: ChildProcess
  private let state = Mutex(State())

  /// Starts a client of a server at `port` of the loopback address.
  init(port: UInt16, _ connection: [String: any Sendable] = [:]) async throws {
    process = try ChildProcess(
      Repository.python, arguments: [Repository.root.appendingPathComponent("Tests/Python/grpc_client.py").path],
      takesInput: true)
    let host = connection["authorities"] == nil ? "127.0.0.1" : "localhost"
    try await perform(["do": "connect", "target": "\(host):\(port)"].merging(connection) { $1 })
  }

  /// Makes one call.
  func call(
    _ method: String, _ name: String = "", _ metadata: [String: String] = [:], _ more: [String: any Sendable] = [:]
  ) async throws -> Answer {
    let command: [String: any Sendable] = ["do": "call", "method": method, "name": name, "metadata": metadata]
    return try await perform(command.merging(more) { $1 })
  }

  /// Opens a stream.
  func stream(
    _ method: String, _ name: String = "", _ metadata: [String: String] = [:], _ more: [String: any Sendable] = [:]
  ) throws -> Stream {
    let command: [String: any Sendable] = ["do": "stream", "method": method, "name": name, "metadata": metadata]
    return Stream(try send(command.merging(more) { $1 }), self)
  }

  /// Sends a command and waits for its answer.
  @discardableResult
  func perform(_ command: [String: any Sendable]) async throws -> Answer {
    let identifier = try send(command)
    try await eventually("an answer of the Python client") { !answers(of: identifier).isEmpty }
    return answers(of: identifier)[0]
  }

  private func send(_ command: [String: any Sendable]) throws -> Int {
    let identifier = state.withLock { state in
      state.nextIdentifier += 1
      return state.nextIdentifier
    }
    let line = try JSONSerialization.data(withJSONObject: command.merging(["id": identifier]) { $1 })
    try process.write(String(decoding: line, as: UTF8.self) + "\n")
    return identifier
  }

  private func answers(of identifier: Int) -> [Answer] {
    struct Numbered: Decodable { var id: Int }
    return state.withLock { state in
      let new = process.output(after: state.taken)
      for line in new[..<(new.lastIndex(of: 10) ?? new.startIndex)].split(separator: 10) {
        // Output that is not JSON is an error message of the library.
        guard let number = try? JSONDecoder().decode(Numbered.self, from: Data(line)),
          let answer = try? JSONDecoder().decode(Answer.self, from: Data(line))
        else { continue }
        state.answers[number.id, default: []].append(answer)
      }
      state.taken += new.lastIndex(of: 10).map { $0 + 1 - new.startIndex } ?? 0
      return state.answers[identifier] ?? []
    }
  }
}

import KedastralCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The request to a remote model, and its response.
enum RemoteModelMessage {
  /// A validated response.
  struct Answer: Equatable {
    var values: [Double]
    var quantiles: [Quantiles.Path]
  }

  /// What is wrong with a response.
  struct Defect: Error, Equatable, CustomStringConvertible {
    let problem: String
    var description: String { problem }
  }

  /// The request's JSON.
  static func question(
    _ history: TimeSeries, steps: Int, timeZone: String? = nil, events: [RemoteModel.Event] = []
  ) -> [UInt8] {
    let step = history.step.inSeconds
    var text = "{\"now\":\"\(Timestamp.format(history.end))\",\"horizonSeconds\":\(number(step * Double(steps)))"
    text += ",\"stepSeconds\":\(number(step))"
    if let timeZone { text += ",\"timeZone\":\(quoted(timeZone))" }
    if !events.isEmpty {
      let items = events.map { event in
        let (start, end) = (Timestamp.format(event.start), Timestamp.format(event.end))
        return "{\"name\":\(quoted(event.name)),\"start\":\"\(start)\",\"end\":\"\(end)\"}"
      }
      text += ",\"events\":[\(items.joined(separator: ","))]"
    }
    text += ",\"features\":["
    var separator = ""
    for (index, value) in history.values.enumerated() where value.isFinite {
      text += "\(separator){\"ts\":\"\(Timestamp.format(history.instant(at: index)))\",\"value\":\(number(value))}"
      separator = ","
    }
    return Array((text + "]}").utf8)
  }

  /// A text as JSON.
  private static func quoted(_ text: String) -> String {
    (try? JSONEncoder.stable.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }

  /// Parses and validates a response; values below zero become zero, and quantiles are sorted at each step.
  static func answer(_ body: [UInt8], steps: Int) throws -> Answer {
    let json: JSONValue
    do { json = try JSONValue(body) } catch { throw Defect(problem: "the response is not JSON: \(error)") }
    let values = try path(json["values"], named: "values", steps: steps)
    var quantiles: [Quantiles.Path] = []
    switch json["quantiles"] {
    case .null: break
    case .object(let members):
      for (key, value) in members {
        guard let level = Double(key), level > 0, level < 1 else {
          throw Defect(problem: "the quantile level '\(key)' is not between 0 and 1; write for instance \"0.9\"")
        }
        quantiles.append(
          Quantiles.Path(level: level, values: try path(value, named: "quantile \(key)", steps: steps)))
      }
    default: throw Defect(problem: "\"quantiles\" is not an object of arrays, such as {\"0.9\": […]}")
    }
    return Answer(values: values, quantiles: ordered(Quantiles(quantiles).paths))
  }

  private static func path(_ value: JSONValue, named name: String, steps: Int) throws(Defect) -> [Double] {
    guard let elements = value.elements else { throw Defect(problem: "the response has no array \"\(name)\"") }
    guard elements.count == steps else {
      throw Defect(problem: "\(name): expected \(steps) numbers, one per step, got \(elements.count)")
    }
    var numbers: [Double] = []
    for (index, element) in elements.enumerated() {
      guard case .number(let number) = element, number.isFinite else {
        throw Defect(problem: "\(name): the value of step \(index) is not a finite number")
      }
      numbers.append(max(0, number))
    }
    return numbers
  }

  /// Sorts the levels' values at each step, which never makes crossing quantiles worse (Chernozhukov, Fernández-Val and
  /// Galichon 2010).
  private static func ordered(_ paths: [Quantiles.Path]) -> [Quantiles.Path] {
    var paths = paths
    for step in paths.first?.values.indices ?? 0..<0 {
      for (index, value) in paths.map({ $0.values[step] }).sorted().enumerated() { paths[index].values[step] = value }
    }
    return paths
  }

  /// A number as JSON writes it: whole ones without a fraction.
  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }
}

import CYAML

/// Reads one YAML document into a tree by libyaml's events.
///
/// Anchors, aliases and merge keys (`<<`) are resolved here; depth, size and the number of nodes after resolving aliases are
/// bounded, so that a small file cannot grow into a large tree. Own tags (`!include`) and several documents are refused.
struct YAMLParser {
  /// How much a file may hold.
  struct Limits: Sendable {
    var bytes = 16 << 20
    var depth = 64
    var nodes = 2_000_000
  }

  /// Parses `text`; `file` names it in errors. An empty text is an empty mapping.
  ///
  /// - Throws: the first problem, with its line and column.
  static func parse(_ text: String, file: String, limits: Limits = Limits()) throws(ConfigurationProblem) -> YAMLNode {
    // A byte order mark is not part of the document; positions in errors do not count it.
    var text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    guard text.utf8.count <= limits.bytes else {
      throw ConfigurationProblem(
        .file(file, line: 1, column: 1, key: ""),
        "the file has \(text.utf8.count) bytes; at most \(limits.bytes) are read")
    }
    let result: Result<YAMLNode, ConfigurationProblem> = text.withUTF8 { bytes in
      var run = Run(file: file, limits: limits)
      // libyaml keeps pointers into `bytes` and into `parser`; both outlive the run, which ends before this closure returns.
      var parser = yaml_parser_t()
      guard yaml_parser_initialize(&parser) == 1 else {
        return .failure(ConfigurationProblem(.nowhere, "\(file): out of memory"))
      }
      defer { yaml_parser_delete(&parser) }
      yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
      yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
      do throws(ConfigurationProblem) { return .success(try run.document(&parser)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// The state of one parse: its anchors and counts.
  private struct Run {
    let file: String
    let limits: Limits
    var anchors: [String: (node: YAMLNode, count: Int)] = [:]
    var nodes = 0

    mutating func document(_ parser: inout yaml_parser_t) throws(ConfigurationProblem) -> YAMLNode {
      var root: YAMLNode?
      while true {
        let event = try next(&parser)
        switch event.content {
        case .streamEnd: return root ?? .mapping([], YAMLMark(line: 1, column: 1))
        case .documentStart where root != nil:
          throw problem(event.mark, "a second document begins here; put everything into one document")
        case .streamStart, .documentStart, .documentEnd: continue
        default: root = try node(event, &parser, depth: 1)
        }
      }
    }

    private mutating func node(
      _ event: Event, _ parser: inout yaml_parser_t, depth: Int
    ) throws(ConfigurationProblem) -> YAMLNode {
      guard depth <= limits.depth else {
        throw problem(event.mark, "nested more than \(limits.depth) levels deep; reduce the nesting")
      }
      let before = nodes
      try count(1, at: event.mark)
      var result: YAMLNode
      switch event.content {
      case .scalar(let text, let isPlain): result = .scalar(text, isPlain: isPlain, event.mark)
      case .alias(let name):
        guard let anchor = anchors[name] else {
          throw problem(event.mark, "*\(name) has no anchor &\(name) before it; define the anchor first")
        }
        try count(anchor.count, at: event.mark)
        return anchor.node
      case .sequenceStart:
        var items: [YAMLNode] = []
        while true {
          let event = try next(&parser)
          if case .sequenceEnd = event.content { break }
          items.append(try node(event, &parser, depth: depth + 1))
        }
        result = .sequence(items, event.mark)
      case .mappingStart: result = try mapping(event.mark, &parser, depth: depth)
      default: throw problem(event.mark, "is not valid YAML here")
      }
      if let anchor = event.anchor { anchors[anchor] = (result, nodes - before) }
      return result
    }

    private mutating func mapping(
      _ mark: YAMLMark, _ parser: inout yaml_parser_t, depth: Int
    ) throws(ConfigurationProblem) -> YAMLNode {
      var entries: [YAMLNode.Entry] = []
      var lines: [String: Int] = [:]
      var merged: [YAMLNode.Entry] = []
      while true {
        let event = try next(&parser)
        if case .mappingEnd = event.content { break }
        guard case .scalar(let key, let isPlain) = event.content else {
          throw problem(event.mark, "a key must be a single word; quote it if it has special characters")
        }
        let value = try node(try next(&parser), &parser, depth: depth + 1)
        if key == "<<", isPlain {
          merged += try mergeable(value)
          continue
        }
        if let line = lines.updateValue(event.mark.line, forKey: key) {
          throw problem(event.mark, "the key '\(key)' is given twice, first on line \(line); keep one of them")
        }
        entries.append(YAMLNode.Entry(key: key, keyMark: event.mark, value: value))
      }
      // A direct key overrides a merged one, an earlier merged mapping overrides a later one.
      for entry in merged where lines[entry.key] == nil {
        lines[entry.key] = entry.keyMark.line
        entries.append(entry)
      }
      return .mapping(entries, mark)
    }

    private func mergeable(_ value: YAMLNode) throws(ConfigurationProblem) -> [YAMLNode.Entry] {
      switch value {
      case .mapping(let entries, _): return entries
      case .sequence(let items, _):
        var all: [YAMLNode.Entry] = []
        for item in items {
          guard case .mapping(let entries, _) = item else {
            throw problem(item.mark, "<< takes mappings; this is \(item.kind)")
          }
          all += entries
        }
        return all
      case .scalar: throw problem(value.mark, "<< takes a mapping, usually an alias such as *name")
      }
    }

    private mutating func count(_ added: Int, at mark: YAMLMark) throws(ConfigurationProblem) {
      nodes += added
      guard nodes <= limits.nodes else {
        throw problem(mark, "the file expands to more than \(limits.nodes) values; use fewer aliases")
      }
    }

    private func problem(_ mark: YAMLMark, _ message: String) -> ConfigurationProblem {
      ConfigurationProblem(.file(file, line: mark.line, column: mark.column, key: ""), message)
    }

    private func next(_ parser: inout yaml_parser_t) throws(ConfigurationProblem) -> Event {
      var raw = yaml_event_t()
      guard yaml_parser_parse(&parser, &raw) == 1 else {
        let mark = YAMLMark(line: Int(parser.problem_mark.line) + 1, column: Int(parser.problem_mark.column) + 1)
        let detail = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
        let hint =
          detail.contains("cannot start any token")
          ? "; indent with spaces, not tabs, and quote values that begin with @, ` or %" : ""
        throw problem(mark, "is not valid YAML: \(detail)\(hint)")
      }
      defer { yaml_event_delete(&raw) }
      let event = Event(raw)
      if let tag = event.tag, tag != "!", !tag.hasPrefix("tag:yaml.org,2002:") {
        throw problem(event.mark, "unknown tag \(tag); write the value without a tag")
      }
      return event
    }
  }

  /// A libyaml event with its texts copied out.
  private struct Event {
    enum Content {
      case streamStart, streamEnd, documentStart, documentEnd
      case scalar(String, isPlain: Bool)
      case alias(String)
      case sequenceStart, sequenceEnd, mappingStart, mappingEnd
      case other
    }

    let content: Content
    let mark: YAMLMark
    var anchor: String?
    var tag: String?

    init(_ raw: yaml_event_t) {
      mark = YAMLMark(line: Int(raw.start_mark.line) + 1, column: Int(raw.start_mark.column) + 1)
      switch raw.type {
      case YAML_STREAM_START_EVENT: content = .streamStart
      case YAML_STREAM_END_EVENT: content = .streamEnd
      case YAML_DOCUMENT_START_EVENT: content = .documentStart
      case YAML_DOCUMENT_END_EVENT: content = .documentEnd
      case YAML_SCALAR_EVENT:
        let scalar = raw.data.scalar
        let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        content = .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nil)
        (anchor, tag) = (Self.text(scalar.anchor), Self.text(scalar.tag))
      case YAML_ALIAS_EVENT: content = .alias(Self.text(raw.data.alias.anchor) ?? "")
      case YAML_SEQUENCE_START_EVENT:
        content = .sequenceStart
        (anchor, tag) = (Self.text(raw.data.sequence_start.anchor), Self.text(raw.data.sequence_start.tag))
      case YAML_SEQUENCE_END_EVENT: content = .sequenceEnd
      case YAML_MAPPING_START_EVENT:
        content = .mappingStart
        (anchor, tag) = (Self.text(raw.data.mapping_start.anchor), Self.text(raw.data.mapping_start.tag))
      case YAML_MAPPING_END_EVENT: content = .mappingEnd
      default: content = .other
      }
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
      pointer.map { String(decodingCString: $0, as: UTF8.self) }
    }
  }
}

import Yams

extension ConfigurationTree {
  /// Reads `yaml`; nothing but comments is an empty section.
  ///
  /// - Throws: `RunError.invalidYAML`.
  init(yaml: String, source: String) throws {
    do {
      var room = Self.mostValues
      self =
        try Yams.compose(yaml: yaml).map { try Self(node: $0, source: source, room: &room) }
        ?? .table(ConfigurationTable())
    } catch let error as YamlError {
      throw RunError(error, source: source)
    }
  }

  /// Values of a file, those that aliases repeat counted each time: a few lines of aliases to
  /// aliases stand for more than any memory holds.
  private static let mostValues = 100_000

  /// - Parameter room: how many values there may still be.
  private init(node: Node, source: String, room: inout Int) throws {
    room -= 1
    guard room >= 0 else {
      throw RunError.invalidYAML(
        source: source, line: nil,
        reason: "expected at most \(Self.mostValues) values, aliases (*name) included, found more")
    }
    switch node {
    case .scalar(let scalar):
      let isPlain = scalar.style == .plain || scalar.style == .any
      self =
        isPlain && Resolver.default.resolveTag(of: node) == .null
        ? .null : .scalar(scalar.string, isText: !isPlain)
    case .sequence(let sequence):
      self = .list(try sequence.map { try Self(node: $0, source: source, room: &room) })
    case .mapping(let mapping):
      var table = ConfigurationTable()
      for (key, value) in mapping {
        table[key.string ?? "\(key)"] = try Self(node: value, source: source, room: &room)
      }
      self = .table(table)
    case .alias(let alias):
      self = .scalar("*\(alias.anchor.rawValue)", isText: true)
    }
  }

  /// The tree as YAML text that means the same to any YAML reader.
  ///
  /// - Throws: `RunError.invalidYAML` for text that YAML cannot hold.
  func yaml() throws -> String {
    do {
      return try Yams.serialize(node: node, width: -1, allowUnicode: true)
    } catch let error as YamlError {
      throw RunError(error, source: "configuration")
    }
  }

  private var node: Node {
    switch self {
    case .null:
      return Node("null", Tag(.null))
    case .scalar(let text, let isText):
      let needsQuotes = isText && Resolver.default.resolveTag(of: Node(text)) != .str
      return .scalar(Node.Scalar(text, Tag(.implicit), needsQuotes ? .doubleQuoted : .any))
    case .list(let items):
      let isFlat = items.allSatisfy {
        if case .table = $0 { return false }
        return true
      }
      return .sequence(Node.Sequence(items.map(\.node), Tag(.seq), isFlat ? .flow : .block))
    case .table(let table):
      let pairs = table.keys.map { (Node($0), (table[$0] ?? .null).node) }
      return .mapping(Node.Mapping(pairs, Tag(.map), pairs.isEmpty ? .flow : .block))
    }
  }

  /// The tree on one line, for messages.
  var inline: String {
    switch self {
    case .null: "null"
    case .scalar(let text, _): text.isEmpty ? "\"\"" : text
    case .list(let items): "[\(items.map(\.inline).joined(separator: ", "))]"
    case .table(let table):
      "{"
        + table.keys.map { "\($0): \((table[$0] ?? .null).inline)" }.joined(separator: ", ")
        + "}"
    }
  }
}

extension RunError {
  /// The YAML reader's complaint as one line with its place.
  fileprivate init(_ error: YamlError, source: String) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      self = .invalidYAML(source: source, line: mark.line, reason: problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.sorted().joined(separator: ", ")
      self = .invalidYAML(
        source: source, line: context.mark.line, reason: "\(names) is set more than once")
    default:
      let reason = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
      self = .invalidYAML(source: source, line: nil, reason: reason)
    }
  }
}

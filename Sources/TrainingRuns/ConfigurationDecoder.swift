/// Reads a value from a `ConfigurationTree`.
struct ConfigurationDecoder: Decoder {
  let tree: ConfigurationTree
  let codingPath: [any CodingKey]
  let userInfo: [CodingUserInfoKey: Any] = [:]

  /// Reads `type` from `tree`, where what a `RunConfiguration` does not set keeps its default.
  ///
  /// - Throws: `RunError.wrongType`, `.invalidValue`, and what the type's own `init(from:)` throws.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from tree: ConfigurationTree, at codingPath: [any CodingKey] = []
  ) throws -> Value {
    if let type = type as? any ConfigurationScalar.Type {
      return try decodeScalar(type, from: tree, at: codingPath) as! Value
    }
    var tree = tree
    if let type = type as? any RunConfiguration.Type, case .table = tree {
      tree = try ConfigurationEncoder.tree(of: type.init()).merging(tree)
    }
    do {
      return try Value(from: ConfigurationDecoder(tree: tree, codingPath: codingPath))
    } catch let error as DecodingError {
      throw RunError(error, decoding: type, from: tree, at: codingPath)
    }
  }

  private static func decodeScalar<Scalar: ConfigurationScalar>(
    _ type: Scalar.Type, from tree: ConfigurationTree, at codingPath: [any CodingKey]
  ) throws -> Scalar {
    if case .scalar(let text, let isText) = tree, !isText || type == String.self,
      let value = Scalar(configurationText: text)
    {
      return value
    }
    throw RunError.wrongType(
      path: codingPath.dotted, expected: Scalar.expectation, found: tree.summary)
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .table(let table) = tree else {
      throw RunError.wrongType(
        path: codingPath.dotted, expected: "a section", found: tree.summary)
    }
    return KeyedDecodingContainer(TableContainer(table: table, codingPath: codingPath))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let items) = tree else {
      throw RunError.wrongType(path: codingPath.dotted, expected: "a list", found: tree.summary)
    }
    return ListContainer(items: items, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer {
    ValueContainer(tree: tree, codingPath: codingPath)
  }
}

extension [any CodingKey] {
  /// `corruptions[2].probability`
  var dotted: String {
    reduce("") { path, key in
      if let key = key as? ListIndex { return "\(path)[\(key.stringValue)]" }
      return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
    }
  }
}

extension RunError {
  /// What a type's own decoding refused, in the terms of a configuration.
  fileprivate init(
    _ error: DecodingError, decoding type: Any.Type, from tree: ConfigurationTree,
    at codingPath: [any CodingKey]
  ) {
    switch error {
    case .keyNotFound(let key, _):
      let path = (codingPath + [key]).dotted
      self = .wrongType(path: path, expected: "a value", found: "nothing")
    case .dataCorrupted(let context):
      if let choices = type as? any CaseIterable.Type, case .scalar(let text, _) = tree {
        let names = choices.configurationNames
        let nearest = nearestName(to: text, among: names).map { ": did you mean \($0)?" } ?? ""
        self = .wrongType(
          path: codingPath.dotted, expected: "one of \(names.joined(separator: ", "))",
          found: tree.summary + nearest)
      } else {
        self = .invalidValue(path: codingPath.dotted, reason: context.debugDescription)
      }
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      self = .invalidValue(path: codingPath.dotted, reason: context.debugDescription)
    @unknown default:
      self = .invalidValue(path: codingPath.dotted, reason: "\(error)")
    }
  }
}

extension CaseIterable {
  /// The text of each case in a configuration.
  fileprivate static var configurationNames: [String] {
    allCases.map { "\(($0 as? any RawRepresentable)?.rawValue ?? $0)" }
  }
}

private struct TableContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let table: ConfigurationTable
  let codingPath: [any CodingKey]
  var allKeys: [Key] { table.keys.compactMap(Key.init(stringValue:)) }

  func contains(_ key: Key) -> Bool { table[key.stringValue] != nil }

  func decodeNil(forKey key: Key) throws -> Bool { try value(key) == .null }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try ConfigurationDecoder.decode(type, from: value(key), at: codingPath + [key])
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    try decoder(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try decoder(key).unkeyedContainer()
  }

  func superDecoder() -> any Decoder {
    ConfigurationDecoder(tree: .table(table), codingPath: codingPath)
  }

  func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }

  private func decoder(_ key: Key) throws -> ConfigurationDecoder {
    ConfigurationDecoder(tree: try value(key), codingPath: codingPath + [key])
  }

  private func value(_ key: Key) throws -> ConfigurationTree {
    guard let value = table[key.stringValue] else {
      throw DecodingError.keyNotFound(
        key, DecodingError.Context(codingPath: codingPath, debugDescription: "no such key"))
    }
    return value
  }
}

private struct ListContainer: UnkeyedDecodingContainer {
  let items: [ConfigurationTree]
  let codingPath: [any CodingKey]
  private(set) var currentIndex = 0

  init(items: [ConfigurationTree], codingPath: [any CodingKey]) {
    self.items = items
    self.codingPath = codingPath
  }

  var count: Int? { items.count }
  var isAtEnd: Bool { currentIndex >= items.count }

  mutating func decodeNil() throws -> Bool {
    guard try peek() == .null else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try ConfigurationDecoder.decode(type, from: next(), at: itemPath)
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    try nextDecoder().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try nextDecoder().unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { try nextDecoder() }

  /// The path of the item that was taken last.
  private var itemPath: [any CodingKey] { codingPath + [ListIndex(intValue: currentIndex - 1)] }

  private mutating func nextDecoder() throws -> ConfigurationDecoder {
    let tree = try next()
    return ConfigurationDecoder(tree: tree, codingPath: itemPath)
  }

  private mutating func next() throws -> ConfigurationTree {
    let item = try peek()
    currentIndex += 1
    return item
  }

  private func peek() throws -> ConfigurationTree {
    guard !isAtEnd else {
      throw RunError.wrongType(
        path: codingPath.dotted, expected: "a list of more than \(items.count)",
        found: "a list of \(items.count)")
    }
    return items[currentIndex]
  }
}

private struct ValueContainer: SingleValueDecodingContainer {
  let tree: ConfigurationTree
  let codingPath: [any CodingKey]

  func decodeNil() -> Bool { tree == .null }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try ConfigurationDecoder.decode(type, from: tree, at: codingPath)
  }
}

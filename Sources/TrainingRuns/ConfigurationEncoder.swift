/// Writes a value as a `ConfigurationTree`. An optional that is nil is written as null, so that its
/// key is known.
final class ConfigurationEncoder: Encoder {
  private enum Content {
    case nothing
    case leaf(ConfigurationTree)
    case list([ConfigurationEncoder])
    case table(kind: ConfigurationTable.Kind, [(key: String, value: ConfigurationEncoder)])
  }

  let codingPath: [any CodingKey]
  let userInfo: [CodingUserInfoKey: Any] = [:]
  private var content = Content.nothing

  private init(codingPath: [any CodingKey]) { self.codingPath = codingPath }

  /// The tree of `value`.
  ///
  /// - Throws: what the value's own `encode(to:)` throws.
  static func tree(of value: some Encodable) throws -> ConfigurationTree {
    let encoder = ConfigurationEncoder(codingPath: [])
    try encoder.encode(value)
    return encoder.tree
  }

  private var tree: ConfigurationTree {
    switch content {
    case .nothing: return .null
    case .leaf(let tree): return tree
    case .list(let items): return .list(items.map(\.tree))
    case .table(let kind, let entries):
      var table = ConfigurationTable(kind: kind)
      for entry in entries { table[entry.key] = entry.value.tree }
      return .table(table)
    }
  }

  fileprivate func encode<Value: Encodable>(_ value: Value) throws {
    if let scalar = value as? any ConfigurationScalar {
      content = .leaf(.scalar(scalar.configurationText, isText: scalar is String))
      return
    }
    try value.encode(to: self)
    guard case .table(_, let entries) = content else { return }
    if value is any ExclusiveConfiguration {
      content = .table(kind: .exclusive, entries)
    } else if value is any AnyKeyed {
      content = .table(kind: .open, entries)
    }
  }

  fileprivate func encodeNil() { content = .leaf(.null) }

  fileprivate func entry(_ key: any CodingKey) -> ConfigurationEncoder {
    let entry = ConfigurationEncoder(codingPath: codingPath + [key])
    guard case .table(let kind, let entries) = content else { return entry }
    content = .table(kind: kind, entries + [(key.stringValue, entry)])
    return entry
  }

  fileprivate func item() -> ConfigurationEncoder {
    guard case .list(let items) = content else { return self }
    let item = ConfigurationEncoder(codingPath: codingPath + [ListIndex(intValue: items.count)])
    content = .list(items + [item])
    return item
  }

  fileprivate var count: Int {
    guard case .list(let items) = content else { return 0 }
    return items.count
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .nothing = content { content = .table(kind: .fixed, []) }
    return KeyedEncodingContainer(TableContainer<Key>(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .nothing = content { content = .list([]) }
    return ListContainer(encoder: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { ValueContainer(encoder: self) }
}

/// A dictionary with text keys, whose keys no type declares.
private protocol AnyKeyed {}
extension Dictionary: AnyKeyed where Key == String {}

/// The place of an item in a list.
struct ListIndex: CodingKey {
  let intValue: Int?
  var stringValue: String { "\(intValue ?? 0)" }
  init(intValue: Int) { self.intValue = intValue }
  init?(stringValue: String) { return nil }
}

private struct TableContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: ConfigurationEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }

  func encodeNil(forKey key: Key) { encoder.entry(key).encodeNil() }

  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    try encoder.entry(key).encode(value)
  }

  private func encodeOptional(_ value: (some Encodable)?, _ key: Key) throws {
    if let value { try encode(value, forKey: key) } else { encodeNil(forKey: key) }
  }

  // One for each type that the protocol has its own default for, which would leave nil out.
  func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: String?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
    try encodeOptional(value, key)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    encoder.entry(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    encoder.entry(key).unkeyedContainer()
  }

  func superEncoder() -> any Encoder { encoder }
  func superEncoder(forKey key: Key) -> any Encoder { encoder.entry(key) }
}

private struct ListContainer: UnkeyedEncodingContainer {
  let encoder: ConfigurationEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { encoder.count }

  func encodeNil() { encoder.item().encodeNil() }
  func encode<Value: Encodable>(_ value: Value) throws { try encoder.item().encode(value) }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) -> KeyedEncodingContainer<Nested> {
    encoder.item().container(keyedBy: type)
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    encoder.item().unkeyedContainer()
  }

  func superEncoder() -> any Encoder { encoder.item() }
}

private struct ValueContainer: SingleValueEncodingContainer {
  let encoder: ConfigurationEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }

  func encodeNil() { encoder.encodeNil() }
  func encode<Value: Encodable>(_ value: Value) throws { try encoder.encode(value) }
}

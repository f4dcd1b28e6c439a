extension KeyedDecodingContainer {
  /// The value of `key`, or `fallback` where the key is absent: configurations name only what they
  /// change.
  package func decode<Value: Decodable>(_ key: Key, default fallback: Value) throws -> Value {
    try decodeIfPresent(Value.self, forKey: key) ?? fallback
  }
}

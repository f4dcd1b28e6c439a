import Foundation

/// Values kept as JSON files, such as a checkpoint's `state.json`.
///
/// NaN and the infinities are written as the strings `NaN`, `Infinity` and `-Infinity`.
public enum JSONFile {
  /// Puts `value` at `path` in place of what is there, with sorted keys, and waits for the disk.
  ///
  /// - Parameter isCompact: without line breaks between values.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`, and what the value's own `encode(to:)` throws.
  public static func write(
    _ value: some Encodable, to path: String, isCompact: Bool = false
  ) throws {
    let encoder = encoder
    if !isCompact { encoder.outputFormatting.insert(.prettyPrinted) }
    try DurableFile.replace(path, with: try encoder.encode(value) + [UInt8(ascii: "\n")])
  }

  /// `value` as one line of text, with sorted keys.
  ///
  /// - Throws: what the value's own `encode(to:)` throws.
  package static func line(of value: some Encodable) throws -> String {
    String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return encoder
  }

  /// The value in the file at `path`.
  ///
  /// - Throws: `FileError.invalidJSON` naming the key that is missing or wrong, `.failed`.
  public static func read<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
    let data = try DurableFile.read(path)
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    do {
      return try decoder.decode(type, from: data)
    } catch let error as DecodingError {
      throw FileError.invalidJSON(path: path, reason: error.reason)
    }
  }
}

extension DecodingError {
  /// What could not be read, on one line.
  fileprivate var reason: String {
    func place(_ path: [any CodingKey]) -> String {
      path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
    switch self {
    case .keyNotFound(let key, let context):
      return "no key \(place(context.codingPath + [key]))"
    case .typeMismatch(let type, let context):
      return "\(place(context.codingPath)): expected \(type)"
    case .valueNotFound(let type, let context):
      return "\(place(context.codingPath)): expected \(type), found null"
    case .dataCorrupted(let context):
      return context.codingPath.isEmpty
        ? "not JSON" : "\(place(context.codingPath)): \(context.debugDescription)"
    @unknown default:
      return "\(self)"
    }
  }
}

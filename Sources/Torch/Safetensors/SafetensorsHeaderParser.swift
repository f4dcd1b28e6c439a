/// One tensor as the header announces it, before any of it is checked against the file.
struct SafetensorsHeaderEntry {
  var name: String
  var dtype: String
  var shape: [Int]
  var begin: Int
  var end: Int
}

/// Reads the JSON object at the start of a safetensors file.
///
/// The parser knows exactly this grammar and not JSON in general: what it does not expect is an
/// error at once, so nesting cannot grow the stack and memory stays proportional to the header.
///
///     header   = "{" [ member ("," member)* ] "}" spaces
///     member   = "__metadata__" ":" { string : string } | name ":" entry
///     entry    = "{" "dtype": string, "shape": [integers], "data_offsets": [begin, end] "}"
struct SafetensorsHeaderParser {
  /// No real tensor comes near; a bound keeps a hostile shape from growing without end.
  static let maximumRank = 64
  static let metadataKey = "__metadata__"

  private(set) var entries: [SafetensorsHeaderEntry] = []
  private(set) var metadata: [String: String] = [:]

  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private var position = 0
  private var tensor: String?

  /// Parses all of `bytes`; nothing of it is kept.
  ///
  /// - Throws: `SafetensorsError.malformedHeader` or `.duplicateKey`. Offsets in errors count
  ///   from the start of the header.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(SafetensorsError) -> (entries: [SafetensorsHeaderEntry], metadata: [String: String]) {
    var parser = SafetensorsHeaderParser(bytes: bytes, path: path)
    try parser.parseHeader()
    return (parser.entries, parser.metadata)
  }

  private init(bytes: UnsafeRawBufferPointer, path: String) {
    self.bytes = bytes
    self.path = path
  }
}

// MARK: - The grammar

extension SafetensorsHeaderParser {
  private mutating func parseHeader() throws(SafetensorsError) {
    // The format forbids white space before the brace, so that a file can be told by its bytes.
    guard peek() == UInt8(ascii: "{") else { throw malformed(expected: "'{'") }
    var names = Set<String>()
    try parseObject { (parser, key) throws(SafetensorsError) in
      guard names.insert(key).inserted else {
        throw .duplicateKey(path: parser.path, key: key)
      }
      if key == Self.metadataKey {
        try parser.parseMetadata()
      } else {
        parser.tensor = key
        try parser.parseEntry(named: key)
        parser.tensor = nil
      }
    }
    skipSpace()
    guard position == bytes.count else { throw malformed(expected: "the end of the header") }
  }

  private mutating func parseMetadata() throws(SafetensorsError) {
    try parseObject { (parser, key) throws(SafetensorsError) in
      let value = try parser.parseString()
      guard parser.metadata.updateValue(value, forKey: key) == nil else {
        throw .duplicateKey(path: parser.path, key: "\(Self.metadataKey).\(key)")
      }
    }
  }

  private mutating func parseEntry(named name: String) throws(SafetensorsError) {
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?
    try parseObject { (parser, field) throws(SafetensorsError) in
      let isDuplicate: Bool
      switch field {
      case "dtype":
        isDuplicate = dtype != nil
        dtype = try parser.parseString()
      case "shape":
        isDuplicate = shape != nil
        shape = try parser.parseIntegers(limit: Self.maximumRank)
      case "data_offsets":
        isDuplicate = offsets != nil
        offsets = try parser.parseIntegers(limit: 2)
      default:
        throw parser.malformed(
          expected: "\"dtype\", \"shape\" or \"data_offsets\"", found: "\"\(field)\"")
      }
      if isDuplicate { throw .duplicateKey(path: parser.path, key: "\(name).\(field)") }
    }
    guard let dtype, let shape, let offsets, offsets.count == 2 else {
      throw malformed(
        expected: "an entry with \"dtype\", \"shape\" and two \"data_offsets\"",
        found: "an incomplete one")
    }
    entries.append(
      SafetensorsHeaderEntry(
        name: name, dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1]))
  }

  private mutating func parseObject(
    member: (inout Self, String) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    try expect("{")
    if skip("}") { return }
    repeat {
      let key = try parseString()
      try expect(":")
      try member(&self, key)
    } while skip(",")
    try expect("}", or: "','")
  }

  private mutating func parseIntegers(limit: Int) throws(SafetensorsError) -> [Int] {
    var integers: [Int] = []
    try expect("[")
    if skip("]") { return integers }
    repeat {
      guard integers.count < limit else {
        throw malformed(expected: "at most \(limit) integers", found: "more")
      }
      integers.append(try parseInteger())
    } while skip(",")
    try expect("]", or: "','")
    return integers
  }
}

// MARK: - Tokens

extension SafetensorsHeaderParser {
  /// A non-negative integer as JSON writes it: no sign, fraction, exponent or leading zero.
  private mutating func parseInteger() throws(SafetensorsError) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while let digit = peek(), digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
      guard !overflow, !carry else {
        throw malformed(expected: "an integer below 2^63", found: "a greater one")
      }
      value = sum
      position += 1
    }
    let length = position - start
    guard length > 0 else { throw malformed(expected: "a non-negative integer") }
    guard length == 1 || bytes[start] != UInt8(ascii: "0") else {
      throw malformed(expected: "an integer without leading zeros", found: "one with them")
    }
    switch peek().map(Unicode.Scalar.init) {
    case ".", "e", "E": throw malformed(expected: "an integer")
    default: return value
    }
  }

  private mutating func parseString() throws(SafetensorsError) -> String {
    try expect("\"", or: "a string")
    let start = position
    var unescaped: [UInt8] = []
    var runStart = position
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "\""):
        unescaped.append(contentsOf: bytes[runStart..<position])
        guard let string = String(validating: unescaped, as: UTF8.self) else {
          throw malformed(expected: "UTF-8 in the string at byte \(start)", found: "other bytes")
        }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        unescaped.append(contentsOf: bytes[runStart..<position])
        position += 1
        unescaped.append(contentsOf: String(try parseEscape()).utf8)
        runStart = position
      case 0..<0x20:
        throw malformed(expected: "an escaped control character", found: "a bare one")
      default:
        position += 1
      }
    }
    throw malformed(expected: "'\"'")
  }

  /// What follows a backslash.
  private mutating func parseEscape() throws(SafetensorsError) -> Unicode.Scalar {
    guard let byte = peek() else { throw malformed(expected: "an escape sequence") }
    let scalar: Unicode.Scalar
    switch Unicode.Scalar(byte) {
    case "\"", "\\", "/": scalar = Unicode.Scalar(byte)
    case "b": scalar = "\u{8}"
    case "f": scalar = "\u{C}"
    case "n": scalar = "\n"
    case "r": scalar = "\r"
    case "t": scalar = "\t"
    case "u":
      position += 1
      return try parseUnicodeEscape()
    default: throw malformed(expected: "an escape sequence")
    }
    position += 1
    return scalar
  }

  private mutating func parseUnicodeEscape() throws(SafetensorsError) -> Unicode.Scalar {
    let unit = try parseFourHexDigits()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard (0xD800...0xDBFF).contains(unit), peek() == UInt8(ascii: "\\") else {
      throw malformed(expected: "a surrogate pair", found: "half of one")
    }
    position += 1
    guard peek() == UInt8(ascii: "u") else {
      throw malformed(expected: "a surrogate pair", found: "half of one")
    }
    position += 1
    let low = try parseFourHexDigits()
    guard (0xDC00...0xDFFF).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    else { throw malformed(expected: "a surrogate pair", found: "half of one") }
    return scalar
  }

  private mutating func parseFourHexDigits() throws(SafetensorsError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed(expected: "four hexadecimal digits")
      }
      value = value << 4 + UInt32(digit)
      position += 1
    }
    return value
  }

  /// The next byte; the only place that reads ahead, and it never reads past the end.
  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
    }
  }

  private mutating func skip(_ token: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek() == UInt8(ascii: token) else { return false }
    position += 1
    return true
  }

  private mutating func expect(
    _ token: Unicode.Scalar, or alternative: String? = nil
  ) throws(SafetensorsError) {
    guard skip(token) else {
      throw malformed(expected: (alternative.map { "\($0) or " } ?? "") + "'\(token)'")
    }
  }

  private func malformed(expected: String, found: String? = nil) -> SafetensorsError {
    let next: String =
      switch peek() {
      case nil: "the end of the header"
      case .some(let byte) where byte > 0x20 && byte < 0x7F: "'\(Unicode.Scalar(byte))'"
      case .some(let byte): "byte \(byte)"
      }
    return .malformedHeader(
      path: path, tensor: tensor, offset: position, expected: expected, found: found ?? next)
  }
}

import Foundation
import TestSupport
import Testing
import Torch

/// A file is not trusted: whatever stands in it, opening it succeeds or throws.
@Suite struct SafetensorsHostileFileTests {
  /// Opens a file of these bytes.
  func open(bytes: [UInt8]) throws -> SafetensorsFile {
    let path = NSTemporaryDirectory() + "/\(UUID().uuidString).safetensors"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    defer { unlink(path) }
    return try SafetensorsFile(path: path)
  }

  /// Opens a file of this header and so many bytes of data.
  func open(header: [UInt8], dataByteCount: Int = 0, headerLength: UInt64? = nil) throws
    -> SafetensorsFile
  {
    let length = headerLength ?? UInt64(header.count)
    let prefix = withUnsafeBytes(of: length.littleEndian) { Array($0) }
    return try open(bytes: prefix + header + Array(repeating: 0, count: dataByteCount))
  }

  func open(_ header: String, dataByteCount: Int = 0) throws -> SafetensorsFile {
    try open(header: Array(header.utf8), dataByteCount: dataByteCount)
  }

  /// The error that a header must cause.
  func error(_ header: String, dataByteCount: Int = 0) -> SafetensorsError? {
    #expect(throws: SafetensorsError.self) { try open(header, dataByteCount: dataByteCount) }
  }

  func entry(_ dtype: String, _ shape: String, _ offsets: String) -> String {
    #"{"dtype":"\#(dtype)","shape":[\#(shape)],"data_offsets":[\#(offsets)]}"#
  }

  // MARK: Lengths

  @Test(arguments: 0..<8)
  func shorterThanTheLength(count: Int) {
    let error = #expect(throws: SafetensorsError.self) {
      try open(bytes: Array(repeating: 0, count: count))
    }
    guard case .truncated(_, 8, count) = error else { return #expect(error == nil) }
  }

  @Test(arguments: [100_000_001, UInt64(Int64.max), 1 << 63, .max])
  func headerLengthAboveTheLimit(length: UInt64) {
    let error = #expect(throws: SafetensorsError.self) {
      try open(header: Array("{}".utf8), headerLength: length)
    }
    guard case .headerTooLarge(_, 100_000_000, length) = error else {
      return #expect(error == nil)
    }
  }

  @Test(arguments: [3, 100_000_000] as [UInt64])
  func headerLongerThanTheFile(length: UInt64) {
    let error = #expect(throws: SafetensorsError.self) {
      try open(header: Array("{}".utf8), headerLength: length)
    }
    guard case .truncated(_, 8 + Int(length), 10) = error else { return #expect(error == nil) }
  }

  @Test func truncatedAnywhere() throws {
    let whole = try Data(
      contentsOf: URL(fileURLWithPath: Fixtures.path("safetensors/reference.safetensors")))
    for count in 0..<whole.count {
      #expect(throws: SafetensorsError.self) { try open(bytes: Array(whole.prefix(count))) }
    }
    #expect(throws: SafetensorsError.self) { try open(bytes: Array(whole) + [0]) }
  }

  /// Whatever opens must also be readable to the last byte.
  @Test func alteredAnywhere() throws {
    let whole = try Data(
      contentsOf: URL(fileURLWithPath: Fixtures.path("safetensors/reference.safetensors")))
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var bytes = Array(whole)
      for _ in 0...Int.random(in: 0..<3) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255)
      }
      guard let file = try? open(bytes: bytes) else { continue }
      for entry in file.entries {
        let sum = try file.withBytes(of: entry.name) { $0.reduce(into: 0) { $0 += Int($1) } }
        #expect(sum >= 0)
        #expect(entry.byteRange.upperBound <= bytes.count)
      }
    }
  }

  // MARK: The header's grammar

  @Test(arguments: [
    "", " {}", "[]", "null", "{", "}", "{}}", "{}x", "{} {}", "{\"a\"}", "{\"a\":}", "{a:1}",
    "{\"a\":1}", "{\"a\":null}", "{,}", "{\"a\":{}}", "{\"a\":{},}", "\u{FEFF}{}",
    #"{"a":{"dtype":"U8"}}"#, #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0]}}"#,
    #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1,1]}}"#,
    #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],}}"#,
    #"{"a":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}}"#,
    #"{"a":{"dtype":"U8","shape":[,1],"data_offsets":[0,1]}}"#,
    #"{"a":{"dtype":"U8","shape":{},"data_offsets":[0,1]}}"#,
    #"{"a":{"dtype":8,"shape":[],"data_offsets":[0,1]}}"#,
    #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"more":1}}"#,
    #"{"__metadata__":{"a":1}}"#, #"{"__metadata__":{"a":{"b":"c"}}}"#, #"{"__metadata__":[]}"#,
    #"{"__metadata__":{"a":null}}"#, #"{'a':{}}"#, "{/**/}",
  ])
  func malformedHeader(header: String) {
    guard case .malformedHeader? = error(header, dataByteCount: 1) else {
      return #expect(Bool(false), "\(header)")
    }
  }

  @Test(arguments: [
    "-1", "-0", "1.0", "1e0", "1E1", "+1", "01", "00", "0x1", "\"1\"", "true", "null", "NaN",
    "[1]", "", "1 1", "9223372036854775808", "18446744073709551616",
    "99999999999999999999999999999999999999999999",
  ])
  func malformedNumber(number: String) {
    for header in [
      "{\"a\":\(entry("U8", number, "0,1"))}", "{\"a\":\(entry("U8", "1", "0,\(number)"))}",
      "{\"a\":\(entry("U8", "1", "\(number),1"))}",
    ] {
      // "[]" is the one shape that is sound without a number.
      if number.isEmpty, header.contains("[]") { continue }
      guard case .malformedHeader(_, "a", _, _, _)? = error(header, dataByteCount: 1) else {
        return #expect(Bool(false), "\(header)")
      }
    }
  }

  @Test(arguments: [
    #"\x"#, #"\"#, #"\u"#, #"\u12"#, #"\u12G4"#, #"\uD800"#, #"\uDC00"#, #"\uD800\n"#,
    #"\uD800\u0041"#, #"\uD800\uD800"#, "\u{0}", "\n", "\u{1F}", #"\u+123"#,
  ])
  func malformedString(string: String) {
    let header = "{\"\(string)\":\(entry("U8", "1", "0,1"))}"
    guard case .malformedHeader? = error(header, dataByteCount: 1) else {
      return #expect(Bool(false), "\(header)")
    }
  }

  @Test(
    arguments: [
      [0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80],
      [0xE2, 0x82],
    ] as [[UInt8]])
  func stringsThatAreNotUTF8(bytes: [UInt8]) {
    let tail = Array("\":\(entry("U8", "1", "0,1"))}".utf8)
    let error = #expect(throws: SafetensorsError.self) {
      try open(header: Array("{\"".utf8) + bytes + tail, dataByteCount: 1)
    }
    guard case .malformedHeader? = error else { return #expect(error == nil) }
  }

  @Test func readsEveryEscape() throws {
    let name = #"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00\uFFFF"#
    let file = try open("{\"\(name)\":\(entry("U8", "1", "0,1"))}", dataByteCount: 1)
    #expect(file.names == ["\"\\/\u{8}\u{C}\n\r\té😀\u{FFFF}"])
  }

  @Test func readsSpacesWhereJSONAllowsThem() throws {
    let header =
      "{ \"a\"\t:\n{\r\"dtype\" : \"U8\" , \"shape\" : [ 1 , 1 ] , \"data_offsets\" : [ 0 , 1 ] } } "
    #expect(try open(header, dataByteCount: 1).entry("a").shape == [1, 1])
  }

  @Test(arguments: ["[", "{\"a\":", "{\"__metadata__\":{\"a\":", "{\"a\":{\"shape\":["])
  func deepNesting(opening: String) {
    let nested = opening + String(repeating: "[", count: 1_000_000)
    guard case .malformedHeader? = error(nested) else { return #expect(Bool(false)) }
    let objects = opening + String(repeating: "{\"a\":", count: 200_000)
    guard case .malformedHeader? = error(objects) else { return #expect(Bool(false)) }
  }

  @Test func tooManyDimensions() throws {
    let ones = Array(repeating: "1", count: 64).joined(separator: ",")
    let file = try open("{\"a\":\(entry("U8", ones, "0,1"))}", dataByteCount: 1)
    #expect(try file.entry("a").shape.count == 64)
    guard
      case .malformedHeader? = error("{\"a\":\(entry("U8", ones + ",1", "0,1"))}", dataByteCount: 1)
    else { return #expect(Bool(false)) }
  }

  // MARK: Keys

  @Test(arguments: [
    (#"{"a":E,"a":E}"#, "a"), (#"{"a":E,"b":E,"\u0061":E}"#, "a"),
    (#"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, "a.dtype"),
    (#"{"a":{"shape":[1],"shape":[1],"dtype":"U8","data_offsets":[0,1]}}"#, "a.shape"),
    (
      #"{"a":{"shape":[1],"dtype":"U8","data_offsets":[0,1],"data_offsets":[0,1]}}"#,
      "a.data_offsets"
    ),
    (#"{"__metadata__":{"k":"1","k":"2"}}"#, "__metadata__.k"),
    (#"{"__metadata__":{},"__metadata__":{}}"#, "__metadata__"),
    // The same text to Swift, in one code point and in two.
    (#"{"\u00e9":E,"e\u0301":E}"#, "é"),
  ])
  func duplicateKey(header: String, key: String) {
    let header = header.replacingOccurrences(of: "E", with: entry("U8", "1", "0,1"))
    let error = error(header, dataByteCount: 1)
    guard case .duplicateKey(_, key)? = error else { return #expect(error == nil, "\(header)") }
  }

  // MARK: Tensors

  @Test(arguments: ["F4", "F6_E2M3", "f32", "F32 ", "", "FLOAT"])
  func unsupportedDType(dtype: String) {
    let error = error("{\"a.b\":\(entry(dtype, "1", "0,4"))}", dataByteCount: 4)
    guard case .unsupportedDType(_, "a.b", dtype)? = error else { return #expect(error == nil) }
    #expect(error?.description.contains("tensor \"a.b\"") == true)
  }

  @Test(arguments: [
    "9223372036854775807,2", "4294967296,4294967296", "2305843009213693952", "0,\(Int.max),9",
    "3037000500,3037000500,0",
  ])
  func shapeOverflow(shape: String) {
    let error = error("{\"a\":\(entry("F32", shape, "0,4"))}", dataByteCount: 4)
    guard case .shapeOverflow(_, "a", _)? = error else { return #expect(error == nil) }
  }

  @Test(arguments: [
    ("F32", "1", "0,3", 4, 3), ("F32", "2", "0,4", 8, 4), ("U8", "", "0,0", 1, 0),
    ("U8", "0", "0,1", 0, 1), ("U8", "1", "4,3", 1, -1), ("U8", "1", "\(Int.max),0", 1, -Int.max),
  ])
  func wrongByteCount(
    dtype: String, shape: String, offsets: String, expected: Int, found: Int
  ) {
    let error = error("{\"a\":\(entry(dtype, shape, offsets))}", dataByteCount: 4)
    guard case .wrongByteCount(_, "a", expected, found)? = error else {
      return #expect(error == nil)
    }
  }

  @Test(arguments: [
    // Overlapping, the same range twice, a gap between, a gap at the start, far outside.
    ("0,2", "1,3", "b", 2, 1), ("0,2", "0,2", "b", 2, 0), ("0,2", "3,5", "b", 2, 3),
    ("1,3", "3,5", "a", 0, 1), ("0,2", "\(Int.max - 2),\(Int.max)", "b", 2, Int.max - 2),
  ])
  func misplacedBytes(first: String, second: String, tensor: String, expected: Int, found: Int) {
    let header = "{\"a\":\(entry("U8", "2", first)),\"b\":\(entry("U8", "2", second))}"
    let error = error(header, dataByteCount: 5)
    guard case .misplacedBytes(_, tensor, expected, found)? = error else {
      return #expect(error == nil)
    }
  }

  @Test func dataBeyondTheFile() {
    let header = "{\"a\":\(entry("U8", "5", "0,5"))}"
    let start = 8 + header.utf8.count
    let short = error(header, dataByteCount: 4)
    guard case .truncated(_, start + 5, start + 4)? = short else { return #expect(short == nil) }
    let long = error(header, dataByteCount: 6)
    guard case .unusedBytes(_, start + 5, start + 6)? = long else { return #expect(long == nil) }
    let huge = error("{\"a\":\(entry("U8", "\(Int.max)", "0,\(Int.max)"))}")
    guard case .truncated(_, .max, _)? = huge else { return #expect(huge == nil) }
  }

  @Test func notesTensorsThatAreNotAligned() throws {
    let header = "{\"a\":\(entry("U8", "1", "0,1")),\"b\":\(entry("F32", "1", "1,5"))}"
    let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    let file = try open(header + padding, dataByteCount: 5)
    #expect(try file.entry("a").isAligned)
    #expect(try !file.entry("b").isAligned)
    #expect(try file.withBytes(of: "b") { $0.count } == 4)
  }
}

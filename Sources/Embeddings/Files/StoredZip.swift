import Foundation

/// Writes a zip file of uncompressed members, such as NumPy's `.npz`: byte for byte as Python's zipfile does
/// for `numpy.savez`, and therefore the same bytes for the same members.
///
/// Sizes are 64-bit in every member's own header, and in the directory where they need it, so that members
/// and files may exceed 4 GiB. Reference: PKWARE APPNOTE 6.3.9, sections 4.3.7, 4.3.12 and 4.5.3.
struct StoredZipWriter {
  private struct Member {
    let name: [UInt8]
    let byteCount: Int
    let checksum: UInt32
    let offset: Int
  }

  private let file: ExportPart
  private var members: [Member] = []

  /// The greatest number that fits a field of 32 bits by Python's rule.
  private static let limit = 0x7FFF_FFFF

  init(_ file: ExportPart) { self.file = file }

  /// Adds a member: `beginning`, and `byteCount` more bytes, which `body` hands to its sink in pieces.
  mutating func add(
    _ name: String, beginning: [UInt8], byteCount more: Int,
    _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let byteCount = beginning.count + more
    let name = Array(name.utf8)
    let start = file.byteCount
    var header = LittleEndianBytes()
    header.append32(0x0403_4B50)
    header.append(fixedFields)
    header.append32(0)  // The checksum, known afterwards.
    header.append32(0xFFFF_FFFF)
    header.append32(0xFFFF_FFFF)
    header.append16(name.count)
    header.append16(20)
    header.append(name)
    header.append16(1)
    header.append16(16)
    header.append64(byteCount)
    header.append64(byteCount)
    try file.append(header.bytes)
    var checksum = CRC32()
    beginning.withUnsafeBytes { checksum.add($0) }
    try file.append(beginning)
    try body { piece in
      checksum.add(piece)
      try file.append(piece)
    }
    let found = file.byteCount - start - header.bytes.count
    precondition(found == byteCount, "a zip member of \(found) bytes, announced as \(byteCount)")
    var bytes = LittleEndianBytes()
    bytes.append32(Int(checksum.value))
    try file.overwrite(at: start + 14, with: bytes.bytes)
    members.append(
      Member(name: name, byteCount: byteCount, checksum: checksum.value, offset: start))
  }

  /// Writes the directory.
  func finish() throws {
    let start = file.byteCount
    var directory = LittleEndianBytes()
    for member in members { append(member, to: &directory) }
    let length = directory.bytes.count
    if members.count > 0xFFFF || start > Self.limit || length > Self.limit {
      directory.append32(0x0606_4B50)
      directory.append64(44)
      directory.append16(45)
      directory.append16(45)
      directory.append32(0)
      directory.append32(0)
      directory.append64(members.count)
      directory.append64(members.count)
      directory.append64(length)
      directory.append64(start)
      directory.append32(0x0706_4B50)
      directory.append32(0)
      directory.append64(start + length)
      directory.append32(1)
    }
    directory.append32(0x0605_4B50)
    directory.append32(0)
    directory.append16(min(members.count, 0xFFFF))
    directory.append16(min(members.count, 0xFFFF))
    directory.append32(min(length, 0xFFFF_FFFF))
    directory.append32(min(start, 0xFFFF_FFFF))
    directory.append16(0)
    try file.append(directory.bytes)
  }

  private func append(_ member: Member, to directory: inout LittleEndianBytes) {
    let isLarge = member.byteCount > Self.limit
    let isFar = member.offset > Self.limit
    var wide = LittleEndianBytes()
    if isLarge {
      wide.append64(member.byteCount)
      wide.append64(member.byteCount)
    }
    if isFar { wide.append64(member.offset) }
    directory.append32(0x0201_4B50)
    directory.append([45, 3])
    directory.append(fixedFields)
    directory.append32(Int(member.checksum))
    directory.append32(isLarge ? 0xFFFF_FFFF : member.byteCount)
    directory.append32(isLarge ? 0xFFFF_FFFF : member.byteCount)
    directory.append16(member.name.count)
    directory.append16(wide.bytes.isEmpty ? 0 : wide.bytes.count + 4)
    directory.append16(0)
    directory.append16(0)
    directory.append16(0)
    directory.append32(0o600 << 16)
    directory.append32(isFar ? 0xFFFF_FFFF : member.offset)
    directory.append(member.name)
    if !wide.bytes.isEmpty {
      directory.append16(1)
      directory.append16(wide.bytes.count)
      directory.append(wide.bytes)
    }
  }

  /// Version 4.5, no flags, stored, at the beginning of 1980: the time is no part of what is written.
  private var fixedFields: [UInt8] { [45, 0, 0, 0, 0, 0, 0, 0, 0x21, 0] }
}

/// Where the members of a zip file of uncompressed members are.
package enum StoredZip {
  package struct Member {
    package let name: String
    package let range: Range<Int>
    let checksum: UInt32
  }

  /// The members, in the directory's order.
  ///
  /// - Returns: nil for anything but a whole zip file of uncompressed members.
  package static func members(of bytes: UnsafeRawBufferPointer) -> [Member]? {
    // The end of the directory, without a comment: what is written here has none.
    let end = bytes.count - 22
    guard end >= 0, bytes.number32(at: end) == 0x0605_4B50 else { return nil }
    guard var count = bytes.number16(at: end + 10), var offset = bytes.number32(at: end + 16) else {
      return nil
    }
    if bytes.number32(at: end - 20) == 0x0706_4B50 {
      guard let wide = bytes.number64(at: end - 12), bytes.number32(at: wide) == 0x0606_4B50,
        let wideCount = bytes.number64(at: wide + 32),
        let wideOffset = bytes.number64(at: wide + 48)
      else { return nil }
      (count, offset) = (wideCount, wideOffset)
    }
    var members: [Member] = []
    while members.count < count {
      guard let (member, next) = member(of: bytes, at: offset) else { return nil }
      members.append(member)
      offset = next
    }
    return members
  }

  private static func member(
    of bytes: UnsafeRawBufferPointer, at offset: Int
  ) -> (Member, next: Int)? {
    guard bytes.number32(at: offset) == 0x0201_4B50, bytes.number16(at: offset + 10) == 0,
      let checksum = bytes.number32(at: offset + 16), var size = bytes.number32(at: offset + 24),
      let nameLength = bytes.number16(at: offset + 28),
      let extraLength = bytes.number16(at: offset + 30),
      let commentLength = bytes.number16(at: offset + 32),
      var start = bytes.number32(at: offset + 42),
      let name = bytes.text(at: offset + 46, length: nameLength)
    else { return nil }
    var wide = offset + 46 + nameLength + 4
    if size == 0xFFFF_FFFF {
      guard extraLength >= 20, let wideSize = bytes.number64(at: wide) else { return nil }
      size = wideSize
      wide += 16
    }
    if start == 0xFFFF_FFFF {
      guard extraLength >= 12, let wideStart = bytes.number64(at: wide) else { return nil }
      start = wideStart
    }
    guard bytes.number32(at: start) == 0x0403_4B50,
      let ownNameLength = bytes.number16(at: start + 26),
      let ownExtraLength = bytes.number16(at: start + 28)
    else { return nil }
    let first = start + 30 + ownNameLength + ownExtraLength
    guard size <= bytes.count, first <= bytes.count - size else { return nil }
    return (
      Member(name: name, range: first..<first + size, checksum: UInt32(checksum)),
      offset + 46 + nameLength + extraLength + commentLength
    )
  }
}

/// Bytes of little-endian numbers.
private struct LittleEndianBytes {
  var bytes: [UInt8] = []

  mutating func append(_ more: [UInt8]) { bytes += more }
  mutating func append16(_ value: Int) { appendBytes(of: UInt16(value)) }
  mutating func append32(_ value: Int) { appendBytes(of: UInt32(value)) }
  mutating func append64(_ value: Int) { appendBytes(of: UInt64(value)) }

  private mutating func appendBytes(of value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) }
  }
}

extension UnsafeRawBufferPointer {
  /// Little-endian numbers; nil outside of the buffer, and for what is no `Int`.
  fileprivate func number16(at offset: Int) -> Int? { number(UInt16.self, at: offset) }
  fileprivate func number32(at offset: Int) -> Int? { number(UInt32.self, at: offset) }
  fileprivate func number64(at offset: Int) -> Int? { number(UInt64.self, at: offset) }

  private func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Int? {
    guard offset >= 0, count >= MemoryLayout<Number>.size,
      offset <= count - MemoryLayout<Number>.size
    else { return nil }
    return Int(
      exactly: Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: Number.self)))
  }

  fileprivate func text(at offset: Int, length: Int) -> String? {
    guard offset >= 0, offset <= count - length else { return nil }
    return String(decoding: self[offset..<offset + length], as: UTF8.self)
  }
}

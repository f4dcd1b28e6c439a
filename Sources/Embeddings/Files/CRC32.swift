/// The checksum of zip files: CRC-32 with the polynomial 0xEDB88320, eight bytes at a time.
///
/// Reference: ISO 3309; Kounavis and Berry 2005, "A systematic approach to building high performance,
/// software-based CRC generators" (slicing by eight).
struct CRC32 {
  private var state: UInt32 = 0xFFFF_FFFF

  /// The checksum of all that was added.
  var value: UInt32 { ~state }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    var (crc, offset) = (state, 0)
    Self.tables.withUnsafeBufferPointer { tables in
      while offset + 8 <= bytes.count {
        let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let low = UInt32(truncatingIfNeeded: word) ^ crc
        let high = UInt32(truncatingIfNeeded: word >> 32)
        crc = tables[7 << 8 | Int(low & 0xFF)]
        crc ^= tables[6 << 8 | Int(low &>> 8 & 0xFF)]
        crc ^= tables[5 << 8 | Int(low &>> 16 & 0xFF)]
        crc ^= tables[4 << 8 | Int(low &>> 24)]
        crc ^= tables[3 << 8 | Int(high & 0xFF)]
        crc ^= tables[2 << 8 | Int(high &>> 8 & 0xFF)]
        crc ^= tables[1 << 8 | Int(high &>> 16 & 0xFF)]
        crc ^= tables[Int(high &>> 24)]
        offset += 8
      }
      while offset < bytes.count {
        let byte = base.load(fromByteOffset: offset, as: UInt8.self)
        crc = tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc &>> 8
        offset += 1
      }
    }
    state = crc
  }

  /// Eight tables of 256: table k is for a byte that k more bytes follow.
  private static let tables: [UInt32] = {
    var tables = (0..<256).map { index -> UInt32 in
      (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    for index in 256..<2048 {
      let previous = tables[index - 256]
      tables.append(tables[Int(previous & 0xFF)] ^ previous >> 8)
    }
    return tables
  }()
}

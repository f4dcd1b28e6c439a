/// The Castagnoli CRC: guards the records of TensorBoard event files and the files of checkpoints.
///
/// Eight bytes at a time from eight tables (Kounavis and Berry 2005, "A systematic approach to
/// building high performance software-based CRC generators"). RFC 3720, appendix B.4 has the test
/// vectors.
package struct CRC32C {
  private var state: UInt32 = 0xFFFF_FFFF

  /// The checksum of everything added so far.
  package var value: UInt32 { ~state }

  /// The checksum of `bytes` alone.
  package static func checksum(of bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = CRC32C()
    let array = Array(bytes)
    array.withUnsafeBytes { crc.add($0) }
    return crc.value
  }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var state = self.state
    Self.tables.withUnsafeBufferPointer { table in
      var index = 0
      while index + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
        let mixed = word ^ UInt64(state)
        state = 0
        for byte in 0..<8 {
          state ^= table[(7 - byte) * 256 + Int(truncatingIfNeeded: mixed >> (8 * byte)) & 0xFF]
        }
        index += 8
      }
      while index < bytes.count {
        state = table[Int((state ^ UInt32(bytes[index])) & 0xFF)] ^ (state >> 8)
        index += 1
      }
    }
    self.state = state
  }

  /// Table k, at 256 k, advances a byte by k more bytes of zeros.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var remainder = UInt32(byte)
      for _ in 0..<8 { remainder = (remainder >> 1) ^ (remainder & 1 == 1 ? 0x82F6_3B78 : 0) }
      tables[byte] = remainder
    }
    for index in 256..<(8 * 256) {
      let previous = tables[index - 256]
      tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
    }
    return tables
  }()
}

import CZlib

/// The checksum of zip files, CRC-32 of ISO 3309, as zlib computes it.
struct CRC32 {
  private var state = crc32(0, nil, 0)

  /// The checksum of all that was added.
  var value: UInt32 { UInt32(truncatingIfNeeded: state) }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    state = crc32_z(state, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
  }
}

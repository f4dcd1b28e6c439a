/// The element type of a tensor in a safetensors file, by the name that the header uses.
///
/// The cases stand in the reference implementation's order. Its writer places the greatest type
/// first, which keeps every tensor aligned to its element size without padding.
public enum SafetensorsDType: String, CaseIterable, Sendable, Hashable, Comparable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case float8E5M2 = "F8_E5M2"
  case float8E4M3 = "F8_E4M3"
  case float8E8M0 = "F8_E8M0"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case complex64 = "C64"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .complex64, .float64, .int64, .uint64: 8
    }
  }

  /// The reference implementation's order of types, by size and then by a fixed convention.
  public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self)! }
}

extension SafetensorsDType {
  /// How many of a tensor's numbers are NaN or infinite: all bits of their exponents are set.
  ///
  /// Looks at the types that models' weights have; numbers of others are taken to be finite.
  func nonFiniteCount(in bytes: UnsafeRawBufferPointer) -> Int {
    func count<Word: FixedWidthInteger>(_ exponent: Word) -> Int {
      stride(from: 0, to: bytes.count, by: MemoryLayout<Word>.size).reduce(0) { count, place in
        let word = Word(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Word.self))
        return count + (word & exponent == exponent ? 1 : 0)
      }
    }
    return switch self {
    case .float16: count(UInt16(0x7C00))
    case .bfloat16: count(UInt16(0x7F80))
    case .float32: count(UInt32(0x7F80_0000))
    case .float64: count(UInt64(0x7FF0_0000_0000_0000))
    default: 0
    }
  }

  /// The bytes that a tensor of this type takes, or nil when a dimension is negative or the
  /// product of the dimensions does not fit into `Int`.
  ///
  /// A zero dimension does not excuse an overflow of the others: whoever computes strides from
  /// the shape would meet it again.
  func byteCount(ofShape shape: [Int]) -> Int? {
    var count = byteCount
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
      guard size >= 0, !overflow else { return nil }
      count = product
    }
    return shape.contains(0) ? 0 : count
  }
}

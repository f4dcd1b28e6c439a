import Foundation

/// What stands before the numbers of a flat index of FAISS, `IndexFlatIP` or `IndexFlatL2`, all little-endian:
///
/// `IxFI` or `IxF2`, the width (4 bytes), the number of rows (8), two numbers that nobody reads (8 each), whether it
/// is trained (1), the metric (4), the number of numbers (8); then float32, row by row.
///
/// Reference: FAISS, `impl/index_write.cpp`, `write_index_header` and `write_index`.
struct FAISSHeader: Equatable {
  /// `IndexFlatIP`, whose search is by products, rather than `IndexFlatL2`.
  let isByProduct: Bool
  let count: Int
  let width: Int

  static let byteCount = 45
  private static let unread: UInt64 = 1 << 20

  /// Embeddings of length 1 are searched by products, which are their cosines; others by distance.
  init(_ description: EmbeddingDescription) {
    isByProduct = description.isNormalized
    count = description.shape[0]
    width = description.shape[1]
  }

  /// What `bytes` begin with; nil where that is no such header, or where the numbers are not as many.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.byteCount else { return nil }
    let kind = String(decoding: bytes[..<4], as: UTF8.self)
    func number<Number: FixedWidthInteger>(at offset: Int, _ type: Number.Type) -> Int? {
      Int(
        exactly: Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self)))
    }
    guard ["IxFI", "IxF2"].contains(kind), let width = number(at: 4, UInt32.self),
      let count = number(at: 8, UInt64.self), bytes[32] == 1,
      number(at: 33, UInt32.self) == (kind == "IxFI" ? 0 : 1),
      let numbers = number(at: 37, UInt64.self),
      case let product = count.multipliedReportingOverflow(by: width),
      !product.overflow, product.partialValue == numbers,
      numbers <= (bytes.count - Self.byteCount) / 4,
      bytes.count == Self.byteCount + 4 * numbers
    else { return nil }
    isByProduct = kind == "IxFI"
    self.count = count
    self.width = width
  }

  var bytes: [UInt8] {
    var bytes = Array((isByProduct ? "IxFI" : "IxF2").utf8)
    func append(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.littleEndian) { bytes += Array($0) }
    }
    append(UInt32(width))
    append(UInt64(count))
    append(Self.unread)
    append(Self.unread)
    append(UInt8(1))
    append(UInt32(isByProduct ? 0 : 1))
    append(UInt64(count * width))
    return bytes
  }
}

import Foundation

/// The header of an array in numpy's format 1.0.
///
/// Reference: numpy.lib.format, "Format Version 1.0".
struct NPYHeader: Equatable {
  /// Such as `<f4` for little-endian float32, or `<U12` for text of up to twelve characters.
  var type: String
  var shape: [Int]

  /// The bytes of one element; nil for a type that is not written here.
  var elementByteCount: Int? {
    guard type.hasPrefix("<"), let size = Int(type.dropFirst(2)) else { return nil }
    switch type.dropFirst().first {
    case "f", "i": return [2, 4, 8].contains(size) ? size : nil
    case "U": return size >= 1 && size < 1 << 32 ? 4 * size : nil
    default: return nil
    }
  }

  /// The bytes of all elements; nil where they cannot be counted.
  var dataByteCount: Int? {
    guard var count = elementByteCount else { return nil }
    for length in shape {
      guard length >= 0,
        case (let product, let overflow) = count.multipliedReportingOverflow(by: length),
        !overflow
      else { return nil }
      count = product
    }
    return count
  }

  /// Magic, version, length, and a Python dictionary filled up to a multiple of 64 bytes: byte for byte
  /// what numpy writes. The length does not depend on the first dimension.
  var bytes: [UInt8] {
    let dimensions =
      shape.count == 1 ? "\(shape[0])," : shape.map(String.init).joined(separator: ", ")
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(dimensions)), }"
    // numpy leaves room for a first dimension of 21 digits.
    if let first = shape.first {
      text += String(repeating: " ", count: max(0, 21 - String(first).count))
    }
    let prefixLength = 10
    let length = (prefixLength + text.utf8.count + 1 + 63) / 64 * 64 - prefixLength
    text += String(repeating: " ", count: length - text.utf8.count - 1) + "\n"
    let magic: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    return magic + [UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }

  /// Reads the header that `bytes` begin with.
  ///
  /// - Returns: the header and its length in bytes.
  /// - Throws: `NotNumPy` that says what was expected and found.
  static func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(NotNumPy) -> (header: NPYHeader, byteCount: Int) {
    guard bytes.count >= 10, bytes.prefix(6).elementsEqual([0x93] + Array("NUMPY".utf8)) else {
      throw NotNumPy(
        expected: "a NumPy file", found: "\(bytes.count) bytes that begin otherwise")
    }
    guard bytes[6] == 1, bytes[7] == 0 else {
      throw NotNumPy(expected: "NumPy format 1.0", found: "\(bytes[6]).\(bytes[7])")
    }
    let end = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
    guard bytes.count >= end else {
      throw NotNumPy(expected: "a header of \(end) bytes", found: "\(bytes.count) bytes")
    }
    let text = String(decoding: bytes[10..<end], as: UTF8.self)
    guard
      let match = text.wholeMatch(
        of: /\{'descr': '([^']*)', 'fortran_order': (False|True), 'shape': \(([0-9, ]*)\), \} *\n/)
    else {
      throw NotNumPy(expected: "a header of an array", found: text.prefix(120).debugDescription)
    }
    guard match.2 == "False" else {
      throw NotNumPy(expected: "a row-major array", found: "one in Fortran's order")
    }
    let header = NPYHeader(
      type: String(match.1),
      shape: match.3.split(separator: ",").compactMap { Int($0.trimmingPrefix(" ")) })
    return (header, end)
  }
}

/// Why some bytes are not the array that was expected.
struct NotNumPy: Error {
  let expected: String
  let found: String
}

extension EmbeddingDType {
  /// NumPy's name of the type.
  var numpyType: String { self == .float32 ? "<f4" : "<f2" }

  init?(numpyType: String) {
    guard let dtype = Self.allCases.first(where: { $0.numpyType == numpyType }) else {
      return nil
    }
    self = dtype
  }
}

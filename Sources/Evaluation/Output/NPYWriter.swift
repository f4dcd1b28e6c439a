import Foundation
import Torch

/// Writes a float32 matrix `[N, D]` for numpy, rows as they come: N is not known before the end.
///
/// Format 1.0, row-major, little-endian, byte for byte what `numpy.save` writes. The file appears under
/// its name only when `finish()` returns; a writer that is let go of before leaves nothing behind.
///
/// Reference: numpy.lib.format, "Format Version 1.0".
public final class NPYWriter {
  /// Where the file will be.
  public let path: String
  /// The numbers in a row, D.
  public let width: Int
  /// The rows written so far.
  public private(set) var rowCount = 0

  private let file: UnfinishedFile

  /// Begins a file. Its folder must exist.
  ///
  /// - Throws: `EvaluationError.system`; `.invalidSetting` for a width below 1.
  public init(path: String, width: Int) throws(EvaluationError) {
    guard width >= 1 else {
      throw .invalidSetting(name: "width", expected: "1 or more", found: "\(width)")
    }
    self.path = path
    self.width = width
    file = try UnfinishedFile(for: path)
    try writeHeader { bytes throws(EvaluationError) in try file.append(bytes) }
  }

  /// Appends rows `[n, D]` of any floating-point type on any device.
  ///
  /// - Throws: `EvaluationError.system`, `.notAMatrix`, `.widthMismatch`.
  public func append(_ rows: Tensor) throws {
    guard rows.rank == 2 else { throw EvaluationError.notAMatrix(shape: rows.shape) }
    guard rows.size(1) == width else {
      throw EvaluationError.widthMismatch(expected: width, found: rows.size(1))
    }
    // Every platform that libtorch runs on is little-endian: memory is what the format asks for.
    try rows.detached().to(.float32, device: .cpu).withUnsafeBytes { try file.append($0) }
    rowCount += rows.size(0)
  }

  /// Writes N into the header and gives the file its name. Nothing may be appended after it.
  ///
  /// - Throws: `EvaluationError.system`.
  public func finish() throws(EvaluationError) {
    try writeHeader { bytes throws(EvaluationError) in try file.overwriteStart(with: bytes) }
    try file.publish()
  }

  private func writeHeader(
    _ put: (UnsafeRawBufferPointer) throws(EvaluationError) -> Void
  ) throws(EvaluationError) {
    let header = Self.header(rows: rowCount, columns: width)
    let result = header.withUnsafeBytes { bytes in
      Result { () throws(EvaluationError) in try put(bytes) }
    }
    try result.get()
  }

  /// Magic, version, length, and a Python dictionary filled up to a multiple of 64 bytes.
  static func header(rows: Int, columns: Int) -> [UInt8] {
    var text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
    // numpy leaves room for a first dimension of 21 digits: the length does not depend on N.
    text += String(repeating: " ", count: 21 - String(rows).count)
    let prefixLength = 10
    let length = (prefixLength + text.utf8.count + 1 + 63) / 64 * 64 - prefixLength
    text += String(repeating: " ", count: length - text.utf8.count - 1) + "\n"
    let magic: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    return magic + [UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }
}

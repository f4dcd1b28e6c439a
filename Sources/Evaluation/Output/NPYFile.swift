import Foundation
import Torch

/// Reads float32 matrices in numpy's format 1.0, such as `NPYWriter` makes.
public enum NPYFile {
  /// The matrix in a file, `[N, D]`.
  ///
  /// - Throws: `EvaluationError.system` where the file cannot be read; `.malformedNPY` for anything
  ///   but a whole row-major little-endian float32 matrix.
  public static func read(_ path: String) throws(EvaluationError) -> Tensor {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
      throw .system(
        path: path, operation: "read", errorNumber: Int32(underlying?.code ?? Int(EIO)))
    }
    func malformed(_ expected: String, _ found: String) -> EvaluationError {
      .malformedNPY(path: path, expected: expected, found: found)
    }
    guard data.count >= 10, data.prefix(8) == Data([0x93] + Array("NUMPY".utf8) + [1, 0]) else {
      throw malformed("a numpy file of format 1.0", "\(data.count) bytes that begin otherwise")
    }
    let start = 10 + Int(data[8]) + Int(data[9]) << 8
    guard data.count >= start else {
      throw malformed("a header of \(start) bytes", "\(data.count) bytes")
    }
    let header = String(decoding: data[10..<start], as: UTF8.self)
    guard
      let match = header.wholeMatch(
        of: /\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n/),
      let rows = Int(match.1), let columns = Int(match.2)
    else { throw malformed("a row-major matrix of '<f4'", header) }
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard !overflow, count <= (Int.max - start) / 4, data.count == start + 4 * count else {
      throw malformed("\(rows) rows of \(columns) numbers", "\(data.count - start) bytes of them")
    }
    let matrix = Tensor.empty([rows, columns])
    guard count > 0 else { return matrix }
    matrix.withUnsafeMutableBytes { _ = data.copyBytes(to: $0, from: start..<data.count) }
    return matrix
  }
}

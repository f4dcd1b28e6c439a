import Foundation
import Torch

/// Writes embeddings as they are made: a matrix for numpy, and beside it the list of its rows.
///
/// `embeddings.npy` is float32 `[N, D]`; `embeddings.csv` has a line `row,path,label` for each of its
/// rows, quoted as RFC 4180 says. Both appear under their names only when `finish()` returns, the
/// matrix last: where it stands, the list stands too.
public final class EmbeddingWriter {
  /// What a row of the matrix is the embedding of.
  public struct Row: Equatable, Sendable {
    public let path: String
    /// The class's name; nil where there is none, an empty field in the file.
    public let label: String?

    public init(path: String, label: String? = nil) {
      self.path = path
      self.label = label
    }
  }

  /// Where the list of rows will be.
  public let listPath: String
  /// The rows written so far.
  public var rowCount: Int { matrix.rowCount }

  private let matrix: NPYWriter
  private let list: UnfinishedFile

  /// Begins both files.
  ///
  /// - Parameters:
  ///   - path: of the matrix. The list takes its name with `.csv` for `.npy`.
  ///   - width: the width of an embedding, D.
  /// - Throws: `EvaluationError.system`, `.invalidSetting`.
  public init(path: String, width: Int) throws(EvaluationError) {
    let stem = path.hasSuffix(".npy") ? String(path.dropLast(4)) : path
    listPath = stem + ".csv"
    matrix = try NPYWriter(path: path, width: width)
    list = try UnfinishedFile(for: listPath)
    try Self.append("row,path,label\r\n", to: list)
  }

  /// Appends embeddings `[n, D]` and what they are of.
  ///
  /// - Throws: `EvaluationError.system`, `.notAMatrix`, `.widthMismatch`, `.countMismatch`.
  public func append(_ embeddings: Tensor, rows: [Row]) throws {
    guard embeddings.rank == 2 else { throw EvaluationError.notAMatrix(shape: embeddings.shape) }
    guard embeddings.size(0) == rows.count else {
      throw EvaluationError.countMismatch(
        embeddings: embeddings.size(0), labels: rows.count, paths: rows.count)
    }
    let first = rowCount
    try matrix.append(embeddings)
    let lines = rows.enumerated().map { index, row in
      "\(first + index),\(Self.quoted(row.path)),\(Self.quoted(row.label ?? ""))\r\n"
    }
    try Self.append(lines.joined(), to: list)
  }

  /// Gives both files their names. Nothing may be appended after it.
  ///
  /// - Throws: `EvaluationError.system`.
  public func finish() throws(EvaluationError) {
    try list.publish()
    try matrix.finish()
  }

  private static func append(
    _ text: String, to file: UnfinishedFile
  ) throws(EvaluationError) {
    let result = Array(text.utf8).withUnsafeBytes { bytes in
      Result { () throws(EvaluationError) in try file.append(bytes) }
    }
    try result.get()
  }

  /// A field as it is, or in quotes with those inside doubled where it would not be one field.
  static func quoted(_ field: String) -> String {
    let needsQuotes = field.unicodeScalars.contains {
      $0 == "," || $0 == "\"" || $0 == "\r" || $0 == "\n"
    }
    guard needsQuotes else { return field }
    return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}

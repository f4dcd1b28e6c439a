import Files
import Foundation
import Torch

/// What a file holds, before the parts are compared.
struct EmbeddingContents {
  let description: EmbeddingDescription
  let rows: [EmbeddingRow]
  let values: Tensor

  /// The description in a file beside another.
  static func description(beside paths: EmbeddingPaths) throws -> EmbeddingDescription {
    guard FileManager.default.fileExists(atPath: paths.description) else {
      throw EmbeddingError.foreignEmbeddings(path: paths.output, missing: paths.description)
    }
    return try JSONFile.read(EmbeddingDescription.self, from: paths.description)
  }

  /// The rows that a list beside a file has.
  static func rows(inList path: String, ofFile file: String) throws -> [EmbeddingRow] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw EmbeddingError.foreignEmbeddings(path: file, missing: path)
    }
    var records = try DelimitedRecords(path: path)
    guard let names = try records.read(), names == DelimitedText.rowFields else {
      throw malformed(
        path, "a first line \(DelimitedText.rowFields.joined(separator: ","))", "another")
    }
    var rows: [EmbeddingRow] = []
    while let fields = try records.read() {
      guard let row = DelimitedText.row(fields[...], number: rows.count) else {
        throw malformed(path, "row \(rows.count)", fields.joined(separator: ","))
      }
      rows.append(row)
    }
    return rows
  }

  /// What is wrong with a file.
  static func malformed(
    _ path: String, _ expected: String, _ found: String
  ) -> EmbeddingError {
    .malformedEmbeddings(path: path, expected: expected, found: found)
  }
}

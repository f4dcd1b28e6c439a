import Files
import Foundation
import Torch

/// A file that `jepa embed` wrote, opened to be searched.
///
/// Numbers of `.npy`, `.npz` and `.safetensors` stay in the file until they are looked at.
public struct EmbeddingFile: Sendable {
  public let path: String
  /// What made it.
  public let description: EmbeddingDescription
  /// What each row is the embedding of.
  public let rows: [EmbeddingRow]
  /// float32 or float16 `[N, D]`, or `[N, patches, D]`; not to be written to.
  public let values: Tensor

  /// Opens a file.
  ///
  /// - Throws: `EmbeddingError.foreignEmbeddings` for a file that does not say what made it,
  ///   `.malformedEmbeddings` for one that is damaged, `.unknownFormat`; `FileError`, `SafetensorsError`.
  public init(path: String) throws {
    let contents = try EmbeddingFormat(path: path).read(EmbeddingPaths(output: path))
    func require(_ holds: Bool, _ expected: String, _ found: String) throws {
      guard holds else {
        throw EmbeddingError.malformedEmbeddings(path: path, expected: expected, found: found)
      }
    }
    let description = contents.description
    try require(
      contents.values.shape == description.shape
        && contents.values.dtype == description.dtype.tensorType,
      "\(description.dtype.rawValue) of shape \(description.shape), as it is described",
      "\(contents.values.dtype) of shape \(contents.values.shape)")
    try require(
      contents.rows.count == description.shape[0],
      "\(description.shape[0]) rows, as it is described", "a list of \(contents.rows.count)")
    self.path = path
    self.description = description
    rows = contents.rows
    values = contents.values
  }

  /// float32 `[N, D]`.
  ///
  /// - Throws: `EmbeddingError.malformedEmbeddings` for embeddings without pooling.
  func matrix() throws -> Tensor {
    guard description.shape.count == 2 else {
      throw EmbeddingError.malformedEmbeddings(
        path: path, expected: "one embedding a row, [N, D]",
        found: "\(description.shape), embedded with --pool none")
    }
    return values.to(.float32)
  }
}

extension EmbeddingFile {
  /// The file and those beside it that may be read with it.
  public static func files(of path: String) -> [String] {
    let paths = EmbeddingPaths(output: path)
    return [paths.output, paths.rows, paths.description]
  }
}

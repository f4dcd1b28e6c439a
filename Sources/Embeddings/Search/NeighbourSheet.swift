import Files
import Foundation
import Pictures
import Torch

/// A contact sheet: pictures of one folder, each beside its nearest neighbours in another by embedding.
public struct NeighbourSheet {
  private let embedder: PictureEmbedder
  /// Rows of the sheet.
  public var queryCount = 10
  /// Neighbours in a row.
  public var neighbourCount = 8

  public init(embedder: PictureEmbedder) { self.embedder = embedder }

  /// Draws the sheet to a PNG file.
  ///
  /// - Parameters:
  ///   - queries: pictures are taken evenly from this folder.
  ///   - gallery: where neighbours are looked for.
  /// - Throws: `ImageError`, `InputError`.
  public func write(queries: ImageFolder, gallery: ImageFolder, to output: String) throws {
    let step = max(1, queries.count / queryCount)
    let chosen = Array(
      stride(from: step / 2, to: queries.count, by: step).prefix(queryCount))
    let questions = try embed(queries, items: chosen)
    let answers = try embed(gallery, items: nil)
    let matches = SimilaritySearch(answers.embeddings)
      .nearest(to: questions.embeddings, top: neighbourCount)
    let rows = zip(questions.paths, matches).map { path, matches in
      [PictureSheet.Tile(EmbeddingRow(path: path), caption: "query")]
        + matches.enumerated().map { place, match in
          PictureSheet.Tile(
            EmbeddingRow(path: answers.paths[match.row]),
            caption: String(format: "%.2f", match.similarity), startsGroup: place == 0)
        }
    }
    _ = try PictureSheet(rows: rows).write(to: output)
  }

  private func embed(
    _ folder: ImageFolder, items: [Int]?
  ) throws -> (embeddings: Tensor, paths: [String]) {
    let preprocessing = embedder.model.preprocessing
    let batches = try ImageBatches(
      folder, size: preprocessing.imageSize, batchSize: 64, filter: preprocessing.filter,
      normalization: preprocessing.normalization, items: items)
    var (rows, paths): ([Tensor], [String]) = ([], [])
    while let batch = try batches.next() {
      rows.append(embedder(batch.tensor))
      paths += batch.paths
      batches.release(batch)
    }
    guard !rows.isEmpty else {
      throw InputError.tooFewItems(purpose: "a contact sheet", needed: 1, found: 0)
    }
    return (Tensor.concatenate(rows), paths)
  }
}

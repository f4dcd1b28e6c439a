import Foundation
import Torch
import VisionJEPA

/// A contact sheet: pictures of one folder, each beside its nearest neighbours in another by embedding.
public struct NeighbourSheet {
  private let model: ImageModel
  /// Rows of the sheet.
  public var queryCount = 10
  /// Neighbours in a row.
  public var neighbourCount = 8

  public init(model: ImageModel) { self.model = model }

  /// Draws the sheet to a PNG file.
  ///
  /// - Parameters:
  ///   - queries: pictures are taken evenly from this folder.
  ///   - gallery: where neighbours are looked for.
  /// - Throws: `ImageError`, `EvaluationError`.
  public func write(queries: ImageFolder, gallery: ImageFolder, to output: String) throws {
    let step = max(1, queries.count / queryCount)
    let chosen = Array(
      stride(from: step / 2, to: queries.count, by: step).prefix(queryCount))
    let questions = try table(of: queries, items: chosen)
    let answers = try table(of: gallery, items: nil)
    let k = min(neighbourCount, answers.count)
    let matches = try NearestNeighbours(among: answers, k: k).neighbours(of: questions)
    var sheet = ContactSheet(tileSize: 96)
    let decoder = ImageDecoder()
    for (row, indices) in matches.indices.enumerated() {
      var tiles = [
        ContactSheet.Tile(
          try decoder.decode(contentsOf: questions.paths[row]), caption: "query")
      ]
      for (place, index) in indices.enumerated() {
        let similarity = String(format: "%.2f", matches.similarities[row][place])
        tiles.append(
          ContactSheet.Tile(
            try decoder.decode(contentsOf: answers.paths[index]), caption: similarity,
            startsGroup: place == 0))
      }
      sheet.append(row: tiles)
    }
    try sheet.draw().write(toPNG: output)
  }

  private func table(of folder: ImageFolder, items: [Int]?) throws -> EmbeddingTable {
    let size = model.preprocessing.imageSize
    let batches = try ImageBatches(
      folder, size: size, batchSize: 256, filter: model.preprocessing.filter,
      normalization: model.preprocessing.normalization, items: items)
    var rows: [Tensor] = []
    var paths: [String] = []
    while let batch = try batches.next() {
      rows.append(
        model.encoder.inferring {
          model.encoder.embedding(of: batch.tensor.to(device: model.device))
        }.to(device: .cpu))
      paths += batch.paths
      batches.release(batch)
    }
    guard !rows.isEmpty else {
      throw EvaluationError.tooFewItems(purpose: "a contact sheet", needed: 1, found: 0)
    }
    return try EmbeddingTable(
      embeddings: Tensor.concatenate(rows), labels: paths.map { _ in 0 }, paths: paths)
  }
}

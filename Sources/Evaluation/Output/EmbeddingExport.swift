import Foundation
import Torch
import VisionJEPA

/// `jepa embed`: the embedding of every picture of a folder, batch by batch, to a file.
public struct EmbeddingExport {
  private let model: ImageModel
  private let batchSize: Int
  private let isStrict: Bool

  public init(model: ImageModel, batchSize: Int = 256, isStrict: Bool = false) {
    self.model = model
    self.batchSize = batchSize
    self.isStrict = isStrict
  }

  /// What was written.
  public struct Report: CustomStringConvertible {
    public let path: String
    public let count: Int
    public let width: Int
    public let imagesPerSecond: Double
    /// The pictures that could not be read.
    public let failures: [ImageFailure]

    public var description: String {
      let skipped = failures.map { "skipped: \($0.error)\n" }.joined()
      return skipped
        + String(
          format: "wrote %@: %d embeddings of width %d, %.0f images/s", path, count, width,
          imagesPerSecond)
    }
  }

  /// Writes `output`, a NumPy file `[N, D]`, and beside it the CSV file of its rows.
  ///
  /// - Throws: `ImageError`, `EvaluationError`. An unfinished file never stands under its name.
  public func run(_ folder: ImageFolder, to output: String) throws -> Report {
    let writer = try EmbeddingWriter(path: output, width: model.encoder.width)
    let size = model.preprocessing.imageSize
    let start = ContinuousClock.now
    let batches = try ImageBatches(
      folder, size: size, batchSize: batchSize, filter: model.preprocessing.filter,
      normalization: model.preprocessing.normalization,
      options: LoaderOptions(isStrict: isStrict))
    while let batch = try batches.next() {
      let embeddings = model.encoder.inferring {
        model.encoder.embedding(of: batch.tensor(size: size).to(device: model.device))
      }
      try writer.append(
        embeddings.to(device: .cpu),
        rows: batch.items.map {
          EmbeddingWriter.Row(path: folder.relativePath(of: $0), label: folder.label(of: $0))
        })
      batches.release(batch)
    }
    try writer.finish()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return Report(
      path: output, count: writer.rowCount, width: model.encoder.width,
      imagesPerSecond: Double(writer.rowCount) / max(seconds, 1e-9), failures: batches.failures)
  }
}

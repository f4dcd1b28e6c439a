@testable import Embeddings
@testable import Files
@testable import Pictures

/// An export that stops as if its process had been killed after some batches.
struct UnfinishedRun {
  let output: String

  func interrupt(
    _ inputs: PictureInputs, after batches: Int, embedder: PictureEmbedder, batchSize: Int,
    writingHalf: Bool = false
  ) throws {
    let paths = EmbeddingPaths(output: output)
    let description = try embedder.description()
    let export = try UnfinishedExport(
      paths.unfinished,
      settings: description.fields.merging(["batch": "\(batchSize)"]) { $1 }, isResuming: false)
    let writer = try EmbeddingFormat(path: output)
      .makeWriter(export, paths: paths, description: description)
    let reader = try ImageBatches(
      inputs, size: embedder.model.preprocessing.imageSize, batchSize: batchSize)
    var rows = 0
    for _ in 0..<batches {
      guard let batch = try reader.next() else { break }
      try writer.append(
        embedder(batch.tensor), rows: batch.entries.map(EmbeddingRow.init), first: rows
      ) { batch.tensor }
      rows += batch.count
      export.mark()
      try export.save {
        $0.position = reader.position
        $0.rowCount = rows
        $0.failureCount = reader.failureCount
        $0.failures = reader.failures.map { "\($0.error)" }
      }
    }
    guard writingHalf, let batch = try reader.next() else { return }
    // Numbers without their rows, and a save for another reason.
    try export.part("numbers").append([UInt8](repeating: 1, count: 48 * batch.count))
    try export.save { _ in }
  }
}

import Torch

/// Writes embeddings in one format, batch by batch, into the parts of an unfinished export.
///
/// What is written follows from the embeddings and rows alone, so that an export that was continued is the
/// same as one that was not interrupted.
protocol EmbeddingFormatWriter {
  /// Appends embeddings `[n, …]` on the CPU, contiguous, and what they are of.
  ///
  /// - Parameters:
  ///   - first: the number of the first row.
  ///   - pictures: what was embedded, `[n, 3, S, S]`, in 0…1.
  func append(_ embeddings: Tensor, rows: [EmbeddingRow], first: Int, pictures: () -> Tensor) throws

  /// Completes the parts.
  ///
  /// - Returns: which names they get, in this order.
  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication]
}

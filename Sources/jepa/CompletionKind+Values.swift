import ArgumentParser
import Embeddings
import Pictures

extension CompletionKind {
  /// Where something is computed.
  static let devices = CompletionKind.list(["cpu", "cuda", "mps"])

  /// Pictures, as their files are usually called; others are read as well.
  static let pictures = CompletionKind.file(
    extensions: PictureFormat.endings + PictureFormat.endings.map { $0.uppercased() })

  /// Files of `jepa embed`.
  static let embeddings = CompletionKind.file(
    extensions: EmbeddingFormat.all.compactMap(\.ending))
}

import ArgumentParser

extension CompletionKind {
  /// Where something is computed.
  static let devices = CompletionKind.list(["cpu", "cuda", "mps"])

  /// Pictures, as their files are usually called; others are read as well.
  static let pictures = CompletionKind.file(extensions: [
    "png", "jpg", "jpeg", "PNG", "JPG", "JPEG",
  ])

  /// Files of `jepa embed`.
  static let embeddings = CompletionKind.file(
    extensions: ["npy", "npz", "safetensors", "csv", "jsonl", "faiss"])
}

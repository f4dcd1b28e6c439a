import Embeddings
import Torch

/// The tokens of pictures, and what is predicted of them.
package struct TokenTable {
  /// What each picture is called, `n` names.
  package let names: [String]
  /// What a middle layer of the encoder makes of each token's square, float32 `[n, N, D]` on the CPU.
  package let tokens: Tensor
  /// The mean prediction of each token over all masks that hid it, in the space that the model predicts in,
  /// `[n, N, P]`; nil where nothing is predicted.
  package let predictions: Tensor?

  package init(names: [String], tokens: Tensor, predictions: Tensor? = nil) {
    precondition(
      tokens.rank == 3 && tokens.size(0) == names.count,
      "\(names.count) pictures with tokens \(tokens.shape)")
    self.names = names
    self.tokens = tokens
    self.predictions = predictions
  }

  /// The pictures of several tables, one after the other.
  ///
  /// - Precondition: there is a table, and all have predictions or none has.
  package init(joining tables: [TokenTable]) {
    let predictions = tables.compactMap(\.predictions)
    self.init(
      names: tables.flatMap(\.names), tokens: Tensor.concatenate(tables.map(\.tokens)),
      predictions: predictions.isEmpty ? nil : Tensor.concatenate(predictions))
  }

  package var count: Int { names.count }

  /// Some of the pictures, in the order of their places.
  package func selecting(_ places: [Int]) -> TokenTable {
    let indices = Tensor(places.map(Int64.init), shape: [places.count])
    return TokenTable(
      names: places.map { names[$0] }, tokens: tokens.select(indices: indices),
      predictions: predictions?.select(indices: indices))
  }

  /// - Parameter first: the number of the table's first picture among all.
  /// - Throws: `EmbeddingError.nonFiniteEmbedding` for a picture whose tokens or predictions are no numbers.
  func requireNumbers(first: Int) throws(EmbeddingError) {
    for tensor in [tokens, predictions].compactMap({ $0 }) {
      let finite = tensor.flattened(1).isFinite().all(1).array(of: Bool.self)
      guard let bad = finite.firstIndex(of: false) else { continue }
      throw .nonFiniteEmbedding(row: first + bad, path: names[bad])
    }
  }
}

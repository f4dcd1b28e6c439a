import Torch

/// The contrastive objective: each embedding must pick its partner out of the batch.
///
///     L = -mean_i log( exp(s_ii / tau) / sum_j exp(s_ij / tau) ),   s the cosine similarity
///
/// van den Oord et al. 2018, "Contrastive predictive coding", arXiv:1807.03748, equation 4; the form over
/// both views is NT-Xent of SimCLR (Chen et al. 2020, arXiv:2002.05709, equation 1).
public struct InfoNCE: Sendable, Equatable {
  public var temperature: Double

  public init(temperature: Double = 0.1) {
    precondition(temperature > 0, "an InfoNCE temperature of \(temperature)")
    self.temperature = temperature
  }

  /// Queries `[N, D]` against keys `[N, D]`: row i belongs to row i, all others are negatives.
  public func callAsFunction(_ queries: Tensor, keys: Tensor) -> Tensor {
    let similarities = Self.normalized(queries).matmul(Self.normalized(keys).transposed())
    let labels = Tensor.range(
      to: Double(queries.size(0)), dtype: .int64, device: queries.device)
    return (similarities / temperature).crossEntropy(labels)
  }

  /// NT-Xent of two views `[N, D]`: among the 2N - 1 others, each embedding must pick its other view.
  public func bothWays(_ first: Tensor, _ second: Tensor) -> Tensor {
    let count = first.size(0)
    let embeddings = Self.normalized(Tensor.concatenate([first, second]))
    let itself = Tensor.identity(2 * count, dtype: .bool, device: first.device)
    let similarities = (embeddings.matmul(embeddings.transposed()) / temperature)
      .filled(with: -.infinity, where: itself)
    let labels = Tensor.concatenate([
      Tensor.range(Double(count), to: Double(2 * count), dtype: .int64, device: first.device),
      Tensor.range(to: Double(count), dtype: .int64, device: first.device),
    ])
    return similarities.crossEntropy(labels)
  }

  private static func normalized(_ embeddings: Tensor) -> Tensor {
    let embeddings = embeddings.to(.float32)
    return embeddings / embeddings.norm(1, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
  }
}

import Torch

/// The last embeddings of a run, by which collapse is told: their rank and their spread.
///
/// - RankMe (Garrido et al. 2023, arXiv:2210.02885): along how many directions embeddings vary.
/// - Spread: the standard deviation over items, averaged over dimensions, as a share of the embeddings'
///   root mean square; 0 when all are the same.
public struct EmbeddingWindow {
  /// Oldest first, `[n, D]`; nil before the first.
  public private(set) var embeddings: Tensor?
  private let capacity: Int

  /// - Parameters:
  ///   - embeddings: what an earlier session remembered.
  ///   - capacity: how many embeddings are kept.
  public init(_ embeddings: Tensor? = nil, capacity: Int = 512) {
    self.embeddings = embeddings
    self.capacity = capacity
  }

  /// Remembers a step's embeddings, `[B, D]`.
  public mutating func note(_ fresh: Tensor) {
    let fresh = fresh.to(.float32)
    // What was read from a checkpoint is on the CPU.
    let all = embeddings.map { Tensor.concatenate([$0.to(device: fresh.device), fresh]) } ?? fresh
    embeddings = all.slice(max(0, all.size(0) - capacity)..<all.size(0)).clone()
  }

  /// RankMe and spread of what is remembered.
  ///
  /// - Parameter isCentred: whether RankMe is of the embeddings' differences from their mean. For embeddings
  ///   that share a large mean, which would hide along how many directions they differ.
  public func figures(isCentred: Bool = false) -> (rankMe: Double, spread: Double) {
    guard let embeddings else { return (0, 0) }
    return withoutGradient {
      let deviation = embeddings.variance(0, correction: 0).sqrt().mean().item()
      let size = embeddings.squared().mean().item().squareRoot()
      let ranked =
        isCentred ? embeddings - embeddings.mean(0, keepingDimensions: true) : embeddings
      return (RankMe.of(ranked), size > 0 ? deviation / size : 0)
    }
  }
}

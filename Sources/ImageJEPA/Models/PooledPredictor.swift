import Torch

/// Predicts the embedding of one view from that of another, told which corruption lies between them.
///
/// The vector of `ViewParameters` is the predictor's knowledge of what was done: without it the best
/// prediction would be blind to crops and colours, and the embedding with it.
public final class PooledPredictor: Module {
  private let layers: Projector

  public init(width: Int, hidden: Int, using generator: RandomGenerator) {
    layers = Projector(
      width + ViewParameters.width, widths: [hidden, hidden, width], using: generator)
    super.init()
    adopt(layers)
  }

  /// - Parameters:
  ///   - embeddings: `[B, width]`.
  ///   - corruption: `[B, ViewParameters.width]`.
  /// - Returns: `[B, width]`.
  public func callAsFunction(_ embeddings: Tensor, corruption: Tensor) -> Tensor {
    layers(Tensor.concatenate([embeddings, corruption], along: 1))
  }
}

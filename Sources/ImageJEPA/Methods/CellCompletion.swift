import Learning
import Torch

/// The token energy: a picture's tokens, predicted from the same picture with cells
/// cleared before anything is computed from it.
///
///     E = mean over tokens |P(f(x masked)) - g(f(x))|^2
///
/// What is predicted never enters the encoder that predicts: no token of the context has seen it.
final class CellCompletion: Module {
  let projector: Projector
  let predictor: TokenPredictor
  private let grid: TokenGrid
  /// The mean projected token of late training, `[D]`.
  private let mean: Tensor

  init(
    encoder: VisionEncoder, grid: TokenGrid, configuration: MethodConfiguration,
    using generator: RandomGenerator
  ) {
    self.grid = grid
    projector = Projector(
      encoder.width, widths: configuration.tokenProjector, using: generator)
    predictor = TokenPredictor(
      inputs: encoder.width, outputs: projector.width, width: configuration.predictorWidth,
      depth: configuration.predictorDepth, heads: configuration.predictorHeads, grid: grid,
      using: generator)
    mean = Tensor.zeros([projector.width])
    super.init()
    register(buffer: mean, as: "token_mean")
    register(projector, as: "token_projector")
    register(predictor, as: "predictor")
  }

  /// The share of each token's square that is visible, `[B, N]`, from cells `[B, rows, columns]`.
  func visibility(of cells: Tensor) -> Tensor {
    let map = cells.unsqueezed(1)
    let fitted =
      map.size(2) >= grid.height
      ? map.averagePooled(size: map.size(2) / grid.height)
      : map.repeatingEach(grid.height / map.size(2), along: 2)
        .repeatingEach(grid.width / map.size(3), along: 3)
    return fitted.reshaped(cells.size(0), grid.count)
  }

  /// Squared errors of the predicted tokens, a scalar: what training makes smaller.
  ///
  /// - Parameters:
  ///   - masked: tokens `[B, N, D]` of the masked pictures.
  ///   - visible: `[B, N]`.
  ///   - targets: projected tokens of the clean pictures.
  ///   - share: which part of all processes' pictures these are.
  func trainingEnergy(
    masked: Tensor, visible: Tensor, targets: Tensor, share: ItemShare
  ) -> Tensor {
    withoutGradient {
      mean.move(towards: meanToken(of: targets.detached().to(mean.dtype), share), weight: 0.01)
    }
    return share.rows().mean(
      of: (predictor.complete(masked, visible: visible) - targets).squared())
  }

  /// The mean of all processes' tokens, `[D]`.
  private func meanToken(of targets: Tensor, _ share: ItemShare) -> Tensor {
    guard let group = share.group else { return targets.mean(0, 1) }
    let sum = targets.sum(0, 1)
    group.sum([sum])
    return sum / Double(share.total * targets.size(1))
  }

  /// How badly each picture's tokens fit their predictions, `[B]`: 1 - cosine, about the mean token.
  ///
  /// The cosine does not reward short tokens, which flat and noisy pictures have.
  func misfit(masked: Tensor, visible: Tensor, targets: Tensor) -> Tensor {
    tokenMisfits(masked: masked, visible: visible, targets: targets).mean(1)
  }

  /// The same of each token, `[B, N]`.
  func tokenMisfits(masked: Tensor, visible: Tensor, targets: Tensor) -> Tensor {
    let predicted = predictor.complete(masked, visible: visible) - mean
    let found = targets - mean
    let lengths = predicted.norm(-1) * found.norm(-1) + 1e-8
    return 1 - (predicted * found).sum(-1) / lengths
  }
}

extension Module {
  /// Runs `body` with this module and another in inference mode and without a graph.
  func inferring<Result>(with other: Module, _ body: () -> Result) -> Result {
    inferring { other.inferring(body) }
  }
}

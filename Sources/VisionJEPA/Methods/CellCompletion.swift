import Torch

/// The token energy over hidden cells: a picture's tokens, predicted from the same picture with cells
/// cleared before anything is computed from it.
///
///     E = mean over hidden tokens |P(f(x hidden)) - g(f(x))|^2
///
/// What is predicted never enters the encoder that predicts: no token of the context has seen it.
final class CellCompletion: Module {
  let projector: Projector
  let predictor: TokenPredictor
  private let grid: TokenGrid

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
    super.init()
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

  /// Squared errors of every token, `[B, N]`: the mean over the projected width.
  func errors(masked: Tensor, visible: Tensor, targets: Tensor) -> Tensor {
    (predictor.complete(masked, visible: visible) - targets).squared().mean(-1)
  }
}

extension Module {
  /// Runs `body` with this module and another in inference mode and without a graph.
  func inferring<Result>(with other: Module, _ body: () -> Result) -> Result {
    inferring { other.inferring(body) }
  }
}

import Torch

/// Predicts the tokens at places (t, y, x) from the tokens at other places: a narrow transformer over
/// context tokens and mask tokens.
///
/// Positions are fixed codes of space and time; a picture is a clip of one frame. Assran et al. 2023,
/// arXiv:2301.08243, section 3, whose names the checkpoint keeps.
public final class TokenPredictor: Module {
  private let embed: Linear
  /// `[1, 1, P]`
  private let maskToken: Tensor
  /// `[1, T * N, P]`
  private let positions: Tensor
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  private let project: Linear

  /// - Parameters:
  ///   - inputs: the width of context tokens.
  ///   - outputs: the width of predictions.
  ///   - width: P, channels of a token inside.
  ///   - depth: how many blocks.
  ///   - heads: how many; a divisor of `width`.
  ///   - grid: the tokens of a frame.
  ///   - frames: T, how many frames positions are made for.
  ///   - generator: where the first weights are drawn from.
  public init(
    inputs: Int, outputs: Int, width: Int, depth: Int, heads: Int, grid: TokenGrid,
    frames: Int = 1, using generator: RandomGenerator
  ) {
    embed = Linear(inputs, width, standardDeviation: 0.02, using: generator)
    maskToken = Initializer.truncatedNormal([1, 1, width], using: generator)
    positions = PositionTable.spaceTime(
      frames: frames, rows: grid.height, columns: grid.width, width: width
    ).unsqueezed(0)
    blocks = (1...max(depth, 1)).map {
      TransformerBlock(
        width: width, heads: heads, hidden: 4 * width, depth: $0, using: generator)
    }
    norm = LayerNorm(width)
    project = Linear(width, outputs, standardDeviation: 0.02, using: generator)
    super.init()
    register(embed, as: "predictor_embed")
    register(parameter: maskToken, as: "mask_token")
    register(buffer: positions, as: "predictor_pos_embed")
    for (index, block) in blocks.enumerated() { register(block, as: "predictor_blocks.\(index)") }
    register(norm, as: "predictor_norm")
    register(project, as: "predictor_proj")
  }

  /// Predicts tokens that the context does not hold.
  ///
  /// - Parameters:
  ///   - targets: int64 `[B, m]`, the places to predict.
  ///   - context: tokens `[B, n, inputs]`.
  ///   - places: int64 `[B, n]`, where the context tokens are.
  /// - Returns: `[B, m, outputs]`.
  public func predict(_ targets: Tensor, from context: Tensor, at places: Tensor) -> Tensor {
    let batch = context.size(0)
    let table = positions.expanded(batch, -1, -1)
    let known = embed(context) + table.gatherTokens(places)
    let asked = maskToken + table.gatherTokens(targets)
    let tokens = transformed(Tensor.concatenate([known, asked], along: 1))
    return project(norm(tokens.slice(context.size(1)..<tokens.size(1), along: 1)))
  }

  /// Predicts every token from tokens of a picture whose hidden cells were cleared before it was encoded.
  ///
  /// - Parameters:
  ///   - tokens: `[B, N, inputs]`.
  ///   - visible: `[B, N]`, the share of each token's cell that was left, 0…1.
  /// - Returns: `[B, N, outputs]`.
  public func complete(_ tokens: Tensor, visible: Tensor) -> Tensor {
    let hidden = (1 - visible).unsqueezed(-1)
    return project(norm(transformed(embed(tokens) + positions + hidden * maskToken)))
  }

  private func transformed(_ tokens: Tensor) -> Tensor {
    blocks.reduce(tokens) { tokens, block in block(tokens) }
  }
}

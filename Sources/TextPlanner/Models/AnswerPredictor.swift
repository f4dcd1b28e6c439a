import Torch

/// D(s_x, z): the answer's latents that a prompt and a guess at them lead to.
///
/// Where D agrees with the guess, the energy is 0: an answer that fits is a fixed point.
final class AnswerPredictor: Module {
  private let input: Linear
  private let positions: Tensor
  private let blocks: [PlannerBlock]
  private let norm: LayerNorm
  private let output: Linear

  init(
    _ configuration: PlannerConfiguration, answerLength: Int, using generator: RandomGenerator
  ) {
    let width = configuration.width
    input = Linear(configuration.latentWidth, width, using: generator)
    positions = PlannerPositions.initial(answerLength, width: width)
    blocks = (0..<configuration.predictorDepth).map { _ in
      PlannerBlock(
        width: width, heads: configuration.heads, hidden: configuration.hidden, hasContext: true,
        using: generator)
    }
    norm = LayerNorm(width)
    output = Linear(width, configuration.latentWidth, using: generator)
    super.init()
    register(input, as: "input")
    register(parameter: positions, as: "positions")
    for (index, block) in blocks.enumerated() { register(block, as: "blocks.\(index)") }
    register(norm, as: "norm")
    register(output, as: "output")
  }

  /// What each block reads of the context tokens `[B, M, D]`; it does not depend on the guess.
  func keysAndValues(of context: Tensor) -> [KeysAndValues] {
    blocks.map { $0.keysAndValues(of: context) }
  }

  /// Latents `[B, A, Z]` to latents `[B, A, Z]`.
  func callAsFunction(_ latents: Tensor, _ context: Conditioning) -> Tensor {
    let mask = context.mask?.unsqueezed(1).unsqueezed(1)
    var tokens = input(latents) + positions
    for (block, part) in zip(blocks, context.parts) {
      tokens = block(tokens, context: (part, mask: mask))
    }
    return output(norm(tokens))
  }
}

/// What the energy of a batch is conditioned on, in the form that the predictor reads.
public struct Conditioning {
  /// For each block of the predictor.
  let parts: [KeysAndValues]
  /// Bool `[B, M]`, false for padding; nil where there is none.
  let mask: Tensor?
  /// The mean of each prompt's tokens, `[B, D]`.
  public let promptEmbeddings: Tensor

  public var count: Int { promptEmbeddings.size(0) }

  /// The conditioning of some items of the batch (int64 `[n]`, ascending).
  func select(items: Tensor) -> Conditioning {
    items.size(0) == count ? self : gather(items: items)
  }

  /// The conditioning of items of the batch in any order, some perhaps several times.
  func gather(items: Tensor) -> Conditioning {
    Conditioning(
      parts: parts.map { $0.select(items: items) }, mask: mask?.select(indices: items),
      promptEmbeddings: promptEmbeddings.select(indices: items))
  }
}

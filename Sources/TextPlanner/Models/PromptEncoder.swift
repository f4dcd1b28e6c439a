import Torch

/// The prompt and, where there is a memory, the entries retrieved for it: what the energy is conditioned on.
public final class PromptEncoder: Module {
  private let symbols: Tensor
  private let positions: Tensor
  private let answerPositions: Tensor
  /// What is added to the tokens of an entry: of its prompt, of its answer, and for its nearness.
  private let entry: Tensor
  private let blocks: [PlannerBlock]
  private let norm: LayerNorm

  init(
    _ configuration: PlannerConfiguration, symbolCount: Int, limits: TextLimits,
    using generator: RandomGenerator
  ) {
    let width = configuration.width
    symbols = Tensor.normal([symbolCount, width], using: generator) * 0.5
    // Learned, and started from codes in which equal places of prompt and answer are alike.
    positions = PlannerPositions.initial(limits.promptLength, width: width)
    answerPositions = PlannerPositions.initial(limits.answerLength, width: width)
    entry = Tensor.normal([4, width], using: generator) * 0.5
    blocks = (0..<configuration.promptDepth).map { _ in
      PlannerBlock(
        width: width, heads: configuration.heads, hidden: configuration.hidden, hasContext: false,
        using: generator)
    }
    norm = LayerNorm(width)
    super.init()
    register(parameter: symbols, as: "symbols")
    register(parameter: positions, as: "positions")
    register(parameter: answerPositions, as: "answer_positions")
    register(parameter: entry, as: "entry")
    for (index, block) in blocks.enumerated() { register(block, as: "blocks.\(index)") }
    register(norm, as: "norm")
  }

  /// Prompts of at most P symbols to tokens `[B, n, D]`.
  func callAsFunction(_ prompts: SymbolBatch) -> Tensor {
    let length = prompts.symbols.size(1)
    return run(
      prompts.symbols.embedded(in: symbols) + positions.slice(0..<length),
      mask: prompts.isText.map { $0.unsqueezed(1).unsqueezed(1) })
  }

  /// Entries of a memory to the tokens of their answers, which have seen their prompts: `[E, A, D]`.
  ///
  /// - Parameters:
  ///   - prompts: E prompts.
  ///   - answers: int64 `[E, A]`, padded.
  func entries(prompts: SymbolBatch, answers: Tensor) -> Tensor {
    let (length, answerLength) = (prompts.symbols.size(1), answers.size(1))
    let questions =
      prompts.symbols.embedded(in: symbols) + positions.slice(0..<length) + entry[0]
    let replies =
      answers.embedded(in: symbols) + answerPositions.slice(0..<answerLength) + entry[1]
    let mask = prompts.isText.map { isText in
      Tensor.concatenate(
        [isText, Tensor.ones(answers.shape, dtype: .bool, device: answers.device)], along: 1
      ).unsqueezed(1).unsqueezed(1)
    }
    return run(Tensor.concatenate([questions, replies], along: 1), mask: mask)
      .slice(length..<length + answerLength, along: 1)
  }

  /// What is added to an entry's tokens to say how near its prompt is: `[…, D]` for cosines `[…]`.
  ///
  /// The cosine, and -log of its distance to 1 scaled to 0…1, by which the same prompt differs much from
  /// one that is nearly the same.
  func nearness(_ similarities: Tensor) -> Tensor {
    let distance = (1 - similarities).clamped(to: 0...2) + 1e-3
    let sharp = distance.log() * (-1 / 6.9)
    return similarities.unsqueezed(-1) * entry[2] + sharp.unsqueezed(-1) * entry[3]
  }

  private func run(_ tokens: Tensor, mask: Tensor?) -> Tensor {
    norm(blocks.reduce(tokens) { $1($0, mask: mask) })
  }

  /// The mean of a prompt's tokens `[B, n, D]`, padding left out: `[B, D]`.
  static func pooled(_ tokens: Tensor, of prompts: SymbolBatch) -> Tensor {
    guard let isText = prompts.isText else { return tokens.mean(1) }
    let weights = isText.to(tokens.dtype).unsqueezed(2)
    return (tokens * weights).sum(1) / weights.sum(1)
  }
}

/// Where position tables start.
enum PlannerPositions {
  /// Sines and cosines of 0 ..< `count`, `[count, width]`.
  static func initial(_ count: Int, width: Int) -> Tensor {
    PositionTable.sineCosine((0..<count).map(Float.init), width: width)
  }
}

import Torch

/// The usual way from prompts to answers, to compare planning with: symbol after symbol, each given the
/// prompt and those before.
///
///     p(y | x) = prod_i p(y_i | y_<i, x)
///
/// Its prompt encoder is the planner's, and its decoder has as many blocks, of the same sizes, as the
/// planner's predictor.
public final class AutoregressiveModel: Module {
  /// Of `predictorDepth` blocks; what is of the latents and their decoder is not used.
  public let configuration: PlannerConfiguration
  public let vocabulary: Vocabulary
  public let limits: TextLimits
  private let promptEncoder: PromptEncoder
  private let symbols: Tensor
  private let start: Tensor
  private let positions: Tensor
  private let blocks: [PlannerBlock]
  private let norm: LayerNorm
  private let output: Linear

  public init(
    _ configuration: PlannerConfiguration, vocabulary: Vocabulary = Vocabulary(),
    limits: TextLimits, using generator: RandomGenerator
  ) {
    let width = configuration.width
    self.configuration = configuration
    self.vocabulary = vocabulary
    self.limits = limits
    promptEncoder = PromptEncoder(
      configuration, symbolCount: vocabulary.count, limits: limits, using: generator)
    symbols = Tensor.normal([vocabulary.count, width], using: generator) * 0.5
    start = Tensor.normal([1, 1, width], using: generator) * 0.5
    positions = PlannerPositions.initial(limits.answerLength, width: width)
    blocks = (0..<configuration.predictorDepth).map { _ in
      PlannerBlock(
        width: width, heads: configuration.heads, hidden: configuration.hidden, hasContext: true,
        using: generator)
    }
    norm = LayerNorm(width)
    output = Linear(width, vocabulary.count, using: generator)
    super.init()
    register(promptEncoder, as: "prompt")
    register(parameter: symbols, as: "symbols")
    register(parameter: start, as: "start")
    register(parameter: positions, as: "positions")
    for (index, block) in blocks.enumerated() { register(block, as: "blocks.\(index)") }
    register(norm, as: "norm")
    register(output, as: "output")
  }

  public var device: Device { start.device }

  // MARK: All symbols at once

  /// What the decoder reads of prompts, computed once.
  struct Context {
    let parts: [KeysAndValues]
    /// Bool `[B, 1, 1, M]`
    let mask: Tensor?
    var count: Int { parts[0].keys.size(0) }

    /// Each prompt `count` times in a row.
    func repeatingEach(_ count: Int) -> Context {
      Context(
        parts: parts.map {
          KeysAndValues(
            keys: $0.keys.repeatingEach(count), values: $0.values.repeatingEach(count))
        }, mask: mask?.repeatingEach(count))
    }
  }

  func context(_ prompts: SymbolBatch) -> Context {
    let tokens = promptEncoder(prompts)
    return Context(
      parts: blocks.map { $0.keysAndValues(of: tokens) },
      mask: prompts.isText.map { $0.unsqueezed(1).unsqueezed(1) })
  }

  /// The logits of every symbol given those before it, `[B, A, V]`, of answers int64 `[B, A]`.
  func logits(_ answers: Tensor, _ context: Context) -> Tensor {
    let (count, length) = (answers.size(0), answers.size(1))
    let before = Tensor.concatenate(
      [
        start.expanded(count, -1, -1),
        answers.slice(0..<length - 1, along: 1).embedded(in: symbols),
      ], along: 1)
    // Each symbol sees those before it.
    let isVisible = (Tensor.ones([length, length]).lowerTriangle() .> 0).to(device: device)
    var tokens = before + positions.slice(0..<length)
    for (block, part) in zip(blocks, context.parts) {
      tokens = block(tokens, mask: isVisible, context: (part, mask: context.mask))
    }
    return output(norm(tokens))
  }

  /// `-log p(y | x)` of answers (int64 `[B, A]`), their ends included: `[B]`. That a full row ends is certain.
  func negativeLogLikelihoods(_ answers: Tensor, _ context: Context) -> Tensor {
    let losses = logits(answers, context).reshaped(-1, vocabulary.count)
      .crossEntropy(answers.reshaped(-1), reduction: .none).reshaped(answers.shape)
    return (losses * isCounted(answers)).sum(1)
  }

  /// How many symbols answers (int64 `[B, A]`) have, their ends included: `[B]`.
  func symbolCounts(_ answers: Tensor) -> Tensor { isCounted(answers).sum(1) }

  /// 1 for symbols up to the first end, 0 after it.
  private func isCounted(_ answers: Tensor) -> Tensor {
    let isEnd = (answers .== Double(vocabulary.end)).to(.float32)
    return ((isEnd.cumulativeSum(1) - isEnd) .== 0).to(.float32)
  }

  // MARK: Symbol after symbol

  /// Answers as they were written.
  struct Written {
    /// int64 `[B, A]`, filled up with ends.
    let symbols: Tensor
    /// `log p(y | x)`, `[B]`.
    let logLikelihoods: Tensor
  }

  /// Writes an answer for each prompt.
  ///
  /// - Parameters:
  ///   - uniform: numbers in 0…1 of the shape given, `[B, V]`, for the symbol at a place; they draw symbols
  ///     by their probabilities. nil takes the likeliest.
  ///   - temperature: what the logits are divided by before a symbol is drawn.
  func write(
    _ context: Context, drawnBy uniform: ((_ place: Int, _ shape: [Int]) -> Tensor)? = nil,
    temperature: Double = 1
  ) -> Written {
    let (count, device) = (context.count, device)
    let end = Double(vocabulary.end)
    var seen = [KeysAndValues?](repeating: nil, count: blocks.count)
    var token = start.expanded(count, -1, -1)
    var isOver = Tensor.zeros([count], dtype: .bool, device: device)
    var logLikelihoods = Tensor.zeros([count], device: device)
    var columns: [Tensor] = []
    for place in 0..<limits.answerLength {
      var x = token + positions.slice(place..<place + 1)
      for (index, block) in blocks.enumerated() {
        let (tokens, kept) = block(
          x, after: seen[index], mask: nil, context: (context.parts[index], mask: context.mask))
        seen[index] = kept
        x = tokens
      }
      let scores = output(norm(x)).squeezed(1).logSoftmax(-1)
      let drawn = uniform.map { uniform in
        // Gumbel 1954: the greatest of the scores plus such noise is a draw by their probabilities.
        let numbers = uniform(place, scores.shape).clamped(to: 1e-20...1).to(device: device)
        return scores * (1 / temperature) - (-(numbers.log())).log()
      }
      let symbol = (drawn ?? scores).argmax(-1).filled(with: end, where: isOver)
      let chosen = scores.gather(symbol.unsqueezed(1), along: 1).squeezed(1)
      logLikelihoods = logLikelihoods + chosen.filled(with: 0, where: isOver)
      let ended = isOver .| (symbol .== end)
      isOver = ended
      columns.append(symbol)
      if isOver.all().item() != 0 { break }
      token = symbol.embedded(in: symbols).unsqueezed(1)
    }
    let written = Tensor.stack(columns, along: 1)
    let missing = limits.answerLength - columns.count
    return Written(
      symbols: missing == 0
        ? written
        : Tensor.concatenate(
          [written, Tensor.full([count, missing], end, dtype: .int64, device: device)], along: 1),
      logLikelihoods: logLikelihoods)
  }
}

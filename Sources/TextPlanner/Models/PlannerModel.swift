import EnergyDescent
import Torch

/// A planner's networks: what a prompt and an answer's latents cost together.
///
///     E(x, z) = 1/2 ||z - D(s_x, z)||^2
///
/// with s_x the encoded prompt: the prediction error of a joint-embedding predictive architecture (LeCun
/// 2022, "A path towards autonomous machine intelligence", section 4.4), whose derivative by z is what a
/// plan descends.
public final class PlannerModel: Module {
  public let configuration: PlannerConfiguration
  public let vocabulary: Vocabulary
  /// The longest prompt, and the places of an answer.
  public let limits: TextLimits
  public let autoencoder: AnswerAutoencoder
  public let promptEncoder: PromptEncoder
  let predictor: AnswerPredictor
  /// An answer is accepted when its energy is below this; calibrated on held-out prompts.
  public var threshold: Double
  /// What it was trained to be descended along.
  public var step: PlannerDirection

  /// - Parameters:
  ///   - configuration: its sizes.
  ///   - vocabulary: the symbols that texts become.
  ///   - limits: of both at least 1.
  ///   - threshold: the energy below which an answer is accepted.
  ///   - step: what it is to be descended along.
  ///   - generator: where the first weights are drawn from.
  public init(
    _ configuration: PlannerConfiguration, vocabulary: Vocabulary = Vocabulary(),
    limits: TextLimits, threshold: Double = 0, step: PlannerDirection = .gradient,
    using generator: RandomGenerator
  ) {
    precondition(
      limits.promptLength >= 1 && limits.answerLength >= 1, "a planner of texts without symbols")
    self.configuration = configuration
    self.vocabulary = vocabulary
    self.limits = limits
    self.threshold = threshold
    self.step = step
    autoencoder = AnswerAutoencoder(
      configuration, symbolCount: vocabulary.count, using: generator)
    promptEncoder = PromptEncoder(
      configuration, symbolCount: vocabulary.count, limits: limits, using: generator)
    predictor = AnswerPredictor(
      configuration, answerLength: limits.answerLength, using: generator)
    super.init()
    register(autoencoder, as: "autoencoder")
    register(promptEncoder, as: "prompt")
    register(predictor, as: "predictor")
  }

  public var device: Device { parameters[0].tensor.device }

  /// The shape of the latents of `count` answers.
  func latentShape(_ count: Int) -> [Int] {
    [count, limits.answerLength, configuration.latentWidth]
  }

  // MARK: Texts to symbols

  /// Prompts as symbols.
  ///
  /// - Precondition: none is over the limit.
  func symbols(ofPrompts prompts: [String]) -> SymbolBatch {
    SymbolBatch(
      prompts.map { prompt in
        vocabulary.encode(prompt, length: vocabulary.length(of: prompt)).map(Int32.init)[...]
      }, padding: vocabulary.end, device: device)
  }

  /// Answers as symbols, int64 `[B, A]`.
  ///
  /// - Precondition: none is over the limit.
  public func symbols(ofAnswers answers: [String]) -> Tensor {
    let rows = answers.flatMap {
      vocabulary.encode($0, length: limits.answerLength).map(Int64.init)
    }
    return Tensor(rows, shape: [answers.count, limits.answerLength]).to(device: device)
  }

  /// The answers that symbols (int64 `[B, A]`) are.
  public func answers(of symbols: Tensor) -> [String] {
    let length = symbols.size(1)
    let values = symbols.to(device: .cpu).contiguous().array(of: Int64.self)
    return stride(from: 0, to: values.count, by: length).map { start in
      vocabulary.decode(values[start..<start + length].map(Int.init))
    }
  }

  // MARK: Energy

  /// A prompt's tokens and their mean.
  func encode(_ prompts: SymbolBatch) -> EncodedPrompts {
    let tokens = promptEncoder(prompts)
    return EncodedPrompts(
      tokens: tokens, isText: prompts.isText,
      embeddings: PromptEncoder.pooled(tokens, of: prompts))
  }

  /// What the energy of prompts is conditioned on, with what a memory holds for them.
  func conditioning(_ prompts: EncodedPrompts, memory: RetrievedEntries? = nil) -> Conditioning {
    guard let memory else {
      return Conditioning(
        parts: predictor.keysAndValues(of: prompts.tokens), mask: prompts.isText,
        promptEmbeddings: prompts.embeddings)
    }
    let retrieved = memory.tokens(by: promptEncoder)
    let (batch, length) = (prompts.tokens.size(0), prompts.tokens.size(1))
    let isText =
      prompts.isText ?? Tensor.ones([batch, length], dtype: .bool, device: prompts.tokens.device)
    return Conditioning(
      parts: predictor.keysAndValues(
        of: Tensor.concatenate([prompts.tokens, retrieved.tokens], along: 1)),
      mask: Tensor.concatenate([isText, retrieved.mask], along: 1),
      promptEmbeddings: prompts.embeddings)
  }

  /// The conditioning of prompts that were checked, with what a memory holds for each of them.
  public func conditioning(
    ofPrompts prompts: [String], memory: [[RetrievedEntry]]? = nil
  ) throws -> Conditioning {
    try check(prompts)
    for entry in (memory ?? []).joined() {
      try check([entry.prompt])
      try check(answers: [entry.answer])
    }
    return conditioning(
      encode(symbols(ofPrompts: prompts)), memory: memory.flatMap(retrieved))
  }

  /// D(s_x, z) of latents `[B, A, Z]`.
  func prediction(_ latents: Tensor, _ conditioning: Conditioning) -> Tensor {
    predictor(latents, conditioning)
  }

  /// E(x, z) of latents `[B, A, Z]`: `[B]`.
  public func energies(of latents: Tensor, _ conditioning: Conditioning) -> Tensor {
    (latents - predictor(latents, conditioning)).squared().sum(1, 2) * 0.5
  }

  /// E(x, enc(y)) of answers (int64 `[B, A]`): `[B]`.
  public func energies(ofAnswers symbols: Tensor, _ conditioning: Conditioning) -> Tensor {
    energies(of: autoencoder.encode(symbols), conditioning)
  }
}

/// Prompts that were encoded once.
struct EncodedPrompts {
  /// `[B, n, D]`
  let tokens: Tensor
  /// Bool `[B, n]`, false for padding; nil where there is none.
  let isText: Tensor?
  /// `[B, D]`
  let embeddings: Tensor
}

/// The energy of a batch of prompts, for a minimizer that varies the latents.
struct PlannerEnergy: Energy {
  let model: PlannerModel
  let conditioning: Conditioning

  func energies(of variables: [Tensor], items: Tensor) -> Tensor {
    model.energies(of: variables[0], conditioning.select(items: items))
  }
}

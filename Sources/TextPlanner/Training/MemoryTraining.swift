import Files
import Torch
import TrainingRuns

/// How training prepares for a memory that is filled later.
public struct MemoryConfiguration: RunConfiguration {
  /// Places for retrieved entries; 0 for a model without memory.
  public var entries = 0
  /// How often an item finds nothing that helps: only distractors, or an empty memory, 0…1.
  public var dropout = 0.5
  /// The part of a batch that is nonce facts, strings that mean nothing and stand nowhere but in the
  /// memory: only reading it answers them, 0…1.
  public var nonceShare = 0.25
  /// How often each of the other places holds a distractor.
  public var distractors = 0.7

  public init() {}

  /// - Throws: `RunError.invalidValue`.
  func validate() throws {
    let check = SettingCheck(in: "memory")
    try check((0...64).contains(entries), "entries", "0 to 64, found \(entries)")
    for (name, share) in [
      ("dropout", dropout), ("nonceShare", nonceShare), ("distractors", distractors),
    ] {
      try check((0...1).contains(share), name, "0 to 1, found \(share)")
    }
  }
}

/// A prompt and an answer that mean nothing, as symbols.
struct NonceFact {
  let prompt: [Int32]
  let answer: [Int32]
}

/// Fills the memory of a training step with the step's own batch, and looks up in it as planning does.
///
/// Each item finds the entries nearest to its prompt; its own is among them but for `dropout`. So the model
/// learns to read an entry that answers the prompt, to pass over those that are only near, and to go
/// without.
struct MemoryTraining {
  private let configuration: MemoryConfiguration
  private let limits: TextLimits
  private let pairs: TrainingPairs

  init(_ configuration: MemoryConfiguration, pairs: TrainingPairs, limits: TextLimits) {
    self.configuration = configuration
    self.pairs = pairs
    self.limits = limits
  }

  /// Nonce facts for some of the first `count` rows of a batch.
  ///
  /// Every other one has the prompt of the one before with one symbol changed, and another answer: a
  /// contradiction that only an exact reading resolves.
  func nonces(count: Int, draws: inout SeededGenerator) -> [Int: NonceFact] {
    var facts: [Int: NonceFact] = [:]
    var last: [Int32] = []
    for row in 0..<count where draws.uniform() < Float(configuration.nonceShare) {
      let alphabet = draws.uniform() < 0.5 ? Self.printable : pairs.textAlphabet
      func text(atMost limit: Int, _ draws: inout SeededGenerator) -> [Int32] {
        (0..<1 + draws.index(below: limit)).map { _ in alphabet[draws.index(below: alphabet.count)]
        }
      }
      var prompt = text(atMost: limits.promptLength, &draws)
      if !facts.isEmpty, facts.count % 2 == 1 {
        prompt = last
        prompt[draws.index(below: prompt.count)] = alphabet[draws.index(below: alphabet.count)]
      }
      last = prompt
      facts[row] = NonceFact(prompt: prompt, answer: text(atMost: limits.answerLength, &draws))
    }
    return facts
  }

  private static let printable: [Int32] = Array(0x20...0x7E)

  /// What the items of a batch find in a memory of that batch.
  func retrieve(
    for batch: PairBatch, encoded prompts: EncodedPrompts, draws: inout SeededGenerator
  ) -> RetrievedEntries {
    withoutGradient {
      let count = batch.items.count
      let embeddings = prompts.embeddings.detached()
      let unit =
        embeddings / embeddings.norm(1, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
      let similarities = unit.matmul(unit.transposed()).to(device: .cpu)
      // What is hidden: an item's own entry (and those of the same example) for some, and a part of the
      // others.
      var isHidden = [Bool](repeating: false, count: count * count)
      for row in 0..<count {
        let isNonce = batch.items[row] == nil
        let dropsOwn = !isNonce && draws.uniform() < Float(configuration.dropout)
        for column in 0..<count {
          let isOwn =
            row == column || (!isNonce && batch.items[row] == batch.items[column])
          isHidden[row * count + column] =
            isOwn ? dropsOwn : draws.uniform() >= Float(configuration.distractors)
        }
      }
      let visible = similarities.filled(
        with: -.infinity, where: Tensor(isHidden, shape: [count, count]))
      let (values, places) = visible.top(min(configuration.entries, count), along: 1)
      let device = batch.answers.device
      let isPresent = values .> -.infinity
      return RetrievedEntries(
        prompts: batch.prompts, answers: batch.answers, places: places.to(device: device),
        similarities: values.filled(with: 0, where: .!isPresent).to(device: device),
        isPresent: isPresent.to(device: device))
    }
  }
}

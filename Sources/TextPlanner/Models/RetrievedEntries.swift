import Torch

/// One thing that a memory holds for a prompt.
public struct RetrievedEntry: Sendable, Equatable {
  public var prompt: String
  public var answer: String
  /// How near its prompt is to the prompt it was retrieved for: the cosine of their embeddings, -1…1.
  public var similarity: Double

  public init(prompt: String, answer: String, similarity: Double) {
    self.prompt = prompt
    self.answer = answer
    self.similarity = similarity
  }
}

/// What a memory holds for each prompt of a batch: k places each, some of them empty.
struct RetrievedEntries {
  /// The different entries: E prompts and, int64 `[E, A]`, their answers.
  let prompts: SymbolBatch
  let answers: Tensor
  /// Which entry is in each place, int64 `[B, k]`; any number in empty ones.
  let places: Tensor
  /// `[B, k]`
  let similarities: Tensor
  /// Bool `[B, k]`, false for empty places.
  let isPresent: Tensor

  /// The entries as context tokens `[B, k A, D]`, and which of them hold something, `[B, k A]`.
  func tokens(by encoder: PromptEncoder) -> (tokens: Tensor, mask: Tensor) {
    let (batch, count) = (places.size(0), places.size(1))
    let entries = encoder.entries(prompts: prompts, answers: answers)
    let (length, width) = (entries.size(1), entries.size(2))
    let placed = entries.select(indices: places.reshaped(-1))
      .reshaped(batch, count, length, width)
    let tokens = placed + encoder.nearness(similarities).unsqueezed(2)
    return (
      tokens.reshaped(batch, count * length, width), isPresent.repeatingEach(length, along: 1)
    )
  }
}

extension PlannerModel {
  /// Entries in the form that conditions the energy; nil where no prompt has any.
  ///
  /// - Precondition: no entry's text is over the limits.
  func retrieved(_ entries: [[RetrievedEntry]]) -> RetrievedEntries? {
    let count = entries.map(\.count).max() ?? 0
    guard count > 0 else { return nil }
    let all = entries.flatMap { $0 }
    var next: Int64 = 0
    let places = entries.flatMap { row in
      (0..<count).map { place -> Int64 in
        guard place < row.count else { return 0 }
        defer { next += 1 }
        return next
      }
    }
    let shape = [entries.count, count]
    let similarities = entries.flatMap { row in
      (0..<count).map { $0 < row.count ? Float(row[$0].similarity) : 0 }
    }
    let isPresent = entries.flatMap { row in (0..<count).map { $0 < row.count } }
    return RetrievedEntries(
      prompts: symbols(ofPrompts: all.map(\.prompt)),
      answers: symbols(ofAnswers: all.map(\.answer)),
      places: Tensor(places, shape: shape).to(device: device),
      similarities: Tensor(similarities, shape: shape).to(device: device),
      isPresent: Tensor(isPresent, shape: shape).to(device: device))
  }

  /// The embeddings of prompts by which a memory finds its entries, `[B, D]`, of length 1.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.holdsNUL`.
  public func promptEmbeddings(_ prompts: [String]) throws -> Tensor {
    try check(prompts)
    return inferring {
      let pooled = encode(symbols(ofPrompts: prompts)).embeddings
      return pooled / pooled.norm(1, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
    }
  }
}

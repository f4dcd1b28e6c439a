import Torch

/// An answer that was written symbol by symbol.
public struct WrittenAnswer: Equatable, Sendable {
  public let text: String
  /// log p(y | x), in nats.
  public let logLikelihood: Double
}

extension AutoregressiveModel {
  /// The answer of each prompt whose every symbol is the likeliest.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.holdsNUL`.
  public func answers(_ prompts: [String], batchSize: Int = 256) throws -> [WrittenAnswer] {
    try batches(of: prompts, batchSize) { texts(write(context($0))) }
  }

  /// `count` answers for each prompt, drawn by their probabilities.
  ///
  /// - Parameters:
  ///   - prompts: any number of them.
  ///   - count: answers for each prompt, at least 1.
  ///   - seed: what the draws are made from.
  ///   - temperature: what the logits are divided by, above 0.
  ///   - batchSize: prompts that are answered at once.
  /// - Returns: for each prompt its answers.
  /// - Throws: `PlannerError.promptTooLong`, `.holdsNUL`.
  public func samples(
    _ prompts: [String], count: Int, seed: UInt64, temperature: Double = 1, batchSize: Int = 256
  ) throws -> [[WrittenAnswer]] {
    precondition(count >= 1, "\(count) samples")
    let generator = RandomGenerator(seed: seed)
    let all = try batches(of: prompts, max(1, batchSize / count)) { part in
      texts(
        write(
          context(part).repeatingEach(count),
          drawnBy: { Tensor.uniform($1, using: generator) }, temperature: temperature))
    }
    return stride(from: 0, to: all.count, by: count).map { Array(all[$0..<$0 + count]) }
  }

  /// log p(y | x) of given answers, in nats.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.answerTooLong`, `.holdsNUL`.
  public func logLikelihoods(
    ofPrompts prompts: [String], answers: [String], batchSize: Int = 256
  ) throws -> [Double] {
    precondition(prompts.count == answers.count, "an answer for each prompt")
    for answer in answers {
      if answer.utf8.contains(0) { throw PlannerError.holdsNUL(text: answer) }
      let length = vocabulary.length(of: answer)
      guard length <= limits.answerLength else {
        throw PlannerError.answerTooLong(answer: answer, length: length, limit: limits.answerLength)
      }
    }
    var rest = answers[...]
    return try batches(of: prompts, batchSize) { part in
      let symbols = symbols(ofAnswers: Array(rest.prefix(part.count)))
      rest = rest.dropFirst(part.count)
      return (-negativeLogLikelihoods(symbols, context(part))).to(.float64, device: .cpu).array()
    }
  }

  private func batches<Result>(
    of prompts: [String], _ size: Int, _ body: (SymbolBatch) -> [Result]
  ) throws -> [Result] {
    for prompt in prompts {
      if prompt.utf8.contains(0) { throw PlannerError.holdsNUL(text: prompt) }
      let length = vocabulary.length(of: prompt)
      guard length <= limits.promptLength else {
        throw PlannerError.promptTooLong(prompt: prompt, length: length, limit: limits.promptLength)
      }
    }
    return inferring {
      stride(from: 0, to: prompts.count, by: size).flatMap { start in
        body(
          SymbolBatch(
            prompts[start..<min(start + size, prompts.count)].map { prompt in
              vocabulary.encode(prompt, length: vocabulary.length(of: prompt)).map(Int32.init)[...]
            }, padding: vocabulary.end, device: device))
      }
    }
  }

  private func symbols(ofAnswers answers: [String]) -> Tensor {
    let rows = answers.flatMap {
      vocabulary.encode($0, length: limits.answerLength).map(Int64.init)
    }
    return Tensor(rows, shape: [answers.count, limits.answerLength]).to(device: device)
  }

  private func texts(_ written: Written) -> [WrittenAnswer] {
    let length = limits.answerLength
    let symbols = written.symbols.to(device: .cpu).contiguous().array(of: Int64.self)
    let likelihoods = written.logLikelihoods.to(.float64, device: .cpu).array(of: Double.self)
    return likelihoods.enumerated().map { row, likelihood in
      WrittenAnswer(
        text: vocabulary.decode(symbols[row * length..<(row + 1) * length].map(Int.init)),
        logLikelihood: likelihood)
    }
  }
}

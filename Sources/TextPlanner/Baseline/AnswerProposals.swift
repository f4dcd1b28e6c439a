import Files
import Foundation
import Torch
import TrainingRuns

/// How many answers are written, and when no more are.
public struct ProposalOptions: Sendable, Equatable {
  /// Answers of a prompt at most, at least 1.
  public var samples = 16
  /// What logits are divided by before a symbol is drawn, above 0.
  public var temperature = 1.0
  /// Whether the first answer whose energy is below the threshold is taken; else all are written, and the one
  /// of lowest energy is.
  public var verifies = true
  /// What symbols are drawn from, with the prompt.
  public var seed: UInt64 = 0
  /// Prompts that are answered together.
  public var batchSize = 256

  public init() {}
}

/// An answer that was written symbol by symbol and judged by the planner's energy.
public struct ProposedAnswer: PromptAnswer, Codable, Sendable, Equatable {
  public let prompt: String
  public let answer: String
  /// E(x, enc(answer))
  public let energy: Double
  /// Whether that is below the planner's threshold.
  public let isVerified: Bool
  /// Answers that were written.
  public let samples: Int
  /// How many different ones were read by the planner.
  public let verifications: Int
  /// Floating-point operations of matrix products, reading the prompt by both models included.
  public let operations: Double
}

/// Generate and verify: an autoregressive model writes answers one by one, the planner's energy judges each,
/// and the first below the threshold is taken. Nothing is planned.
public struct AnswerProposals {
  public let sampler: AutoregressiveModel
  public let judge: PlannerModel
  public let options: ProposalOptions

  /// - Throws: `BaselineError.otherLimits`.
  public init(
    _ sampler: AutoregressiveModel, judgedBy judge: PlannerModel,
    options: ProposalOptions = ProposalOptions()
  ) throws {
    precondition(
      options.samples >= 1 && options.temperature > 0 && options.batchSize >= 1,
      "\(options.samples) samples at temperature \(options.temperature)")
    guard sampler.limits == judge.limits else {
      throw BaselineError.otherLimits(planner: judge.limits, baseline: sampler.limits)
    }
    self.sampler = sampler
    self.judge = judge
    self.options = options
  }

  /// Answers of prompts, in their order.
  ///
  /// - Parameters:
  ///   - prompts: any number of them.
  ///   - memory: for each prompt what a memory holds for it; only the judge looks at it.
  ///   - progress: is told how many are answered; nil for nobody.
  /// - Throws: `PlannerError.promptTooLong`, `.answerTooLong`, `.holdsNUL`.
  public func answers(
    _ prompts: [String], memory: [[RetrievedEntry]]? = nil, progress: WorkProgress? = nil
  ) throws -> [ProposedAnswer] {
    try judge.check(prompts)
    return try stride(from: 0, to: prompts.count, by: options.batchSize).flatMap { start in
      let range = start..<min(start + options.batchSize, prompts.count)
      defer { progress?.update(range.upperBound) }
      return try withoutGradient {
        try answerBatch(Array(prompts[range]), memory: memory.map { Array($0[range]) })
      }
    }
  }

  /// What is known of one prompt's answers.
  private struct Record {
    /// The energy of each different answer.
    var energies: [[Int64]: Double] = [:]
    var best: (symbols: [Int64], energy: Double)?
    var samples = 0
    var written = 0.0

    mutating func note(_ symbols: [Int64], energy: Double) {
      energies[symbols] = energy
      // The first is kept whatever its energy, also where that is not a number.
      if best == nil || energy < best!.energy {
        best = (symbols, energy.isNaN ? .infinity : energy)
      }
    }
  }

  private func answerBatch(
    _ prompts: [String], memory: [[RetrievedEntry]]?
  ) throws -> [ProposedAnswer] {
    let conditioning = try judge.conditioning(ofPrompts: prompts, memory: memory)
    let context = sampler.context(judge.symbols(ofPrompts: prompts))
    var records = [Record](repeating: Record(), count: prompts.count)
    var pending = Array(prompts.indices)
    for round in 0..<options.samples where !pending.isEmpty {
      let items = Tensor(pending.map(Int64.init)).to(device: judge.device)
      let numbers = draws(for: pending.map { prompts[$0] }, round: round)
      let written = sampler.write(
        context.select(items: items), drawnBy: { place, _ in numbers.select(place, along: 1) },
        temperature: options.temperature
      ).symbols
      let rows = Self.rows(of: written)
      let fresh = pending.indices.filter { records[pending[$0]].energies[rows[$0]] == nil }
      if !fresh.isEmpty {
        let places = Tensor(fresh.map(Int64.init)).to(device: judge.device)
        let energies = judge.energies(
          ofAnswers: written.select(indices: places),
          conditioning.gather(items: items.select(indices: places))
        ).to(.float64, device: .cpu).array(of: Double.self)
        for (row, energy) in zip(fresh, energies) {
          records[pending[row]].note(rows[row], energy: energy)
        }
      }
      for (row, index) in pending.enumerated() {
        records[index].samples += 1
        records[index].written += operationsOfWriting(rows[row], for: prompts[index])
      }
      if options.verifies {
        pending = pending.filter { !(records[$0].best!.energy < judge.threshold) }
      }
    }
    return prompts.indices.map { index in
      answer(prompts[index], records[index], entries: memory?[index] ?? [])
    }
  }

  private func answer(
    _ prompt: String, _ record: Record, entries: [RetrievedEntry]
  ) -> ProposedAnswer {
    let best = record.best!
    let costs = judge.operationCosts(ofPrompt: prompt, entries: entries)
    return ProposedAnswer(
      prompt: prompt, answer: judge.vocabulary.decode(best.symbols.map(Int.init)),
      energy: best.energy, isVerified: best.energy < judge.threshold, samples: record.samples,
      verifications: record.energies.count,
      operations: sampler.operationsOfPrompt(length: judge.vocabulary.length(of: prompt))
        + record.written + costs.prompt + Double(record.energies.count) * costs.verification)
  }

  private func operationsOfWriting(_ symbols: [Int64], for prompt: String) -> Double {
    let end = Int64(sampler.vocabulary.end)
    return sampler.operationsOfWriting(
      length: symbols.firstIndex(of: end) ?? symbols.count,
      promptLength: sampler.vocabulary.length(of: prompt))
  }

  /// Numbers that draw one answer of each prompt, `[n, A, V]`: from the seed, the prompt and the round, and not
  /// from what else is asked.
  private func draws(for prompts: [String], round: Int) -> Tensor {
    let shape = [1, sampler.limits.answerLength, sampler.vocabulary.count]
    return Tensor.concatenate(
      prompts.map { prompt in
        Tensor.uniform(
          shape, using: RandomGenerator(seed: options.seed, prompt: prompt, number: round))
      })
  }

  private static func rows(of symbols: Tensor) -> [[Int64]] {
    let width = symbols.size(1)
    let values: [Int64] = symbols.to(device: .cpu).contiguous().array()
    return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
  }
}

extension AutoregressiveModel.Context {
  /// The context of some prompts, int64 `[n]`.
  func select(items: Tensor) -> AutoregressiveModel.Context {
    AutoregressiveModel.Context(
      parts: parts.map { $0.select(items: items) }, mask: mask?.select(indices: items))
  }
}

import Files
import Foundation
import Torch

/// A pair of a file, and what its answers cost.
public struct PairEnergy: Codable, Sendable, Equatable {
  public let prompt: String
  public let answer: String
  /// E(x, enc(answer))
  public let energy: Double
  public let isBelowThreshold: Bool
  public let negatives: [String]
  public let negativeEnergies: [Double]

  /// The energies, tabs between them.
  public var line: String {
    ([energy] + negativeEnergies).map { String(format: "%.6g", $0) }.joined(separator: "\t")
  }

  public var json: String {
    // A pair holds nothing that cannot be encoded.
    (try? JSONFile.line(of: self)) ?? ""
  }
}

/// The energies of given prompts and answers, for ranking candidates that anything made.
public struct PairEnergies {
  private let model: PlannerModel

  public init(_ model: PlannerModel) { self.model = model }

  /// The energies of a file's pairs, in its order.
  ///
  /// - Throws: `TextDataError`; `PlannerError.promptTooLong` and the like: none is left out.
  public func energies(ofFile path: String) throws -> [PairEnergy] {
    let examples = try TextDataset(contentsOf: path).examples
    let prompts = examples.flatMap { [String](repeating: $0.prompt, count: 1 + $0.negatives.count) }
    let answers = examples.flatMap { [$0.answer] + $0.negatives }
    var energies = try model.energies(ofPrompts: prompts, answers: answers)[...]
    return examples.map { example in
      let own = energies.prefix(1 + example.negatives.count)
      energies = energies.dropFirst(own.count)
      return PairEnergy(
        prompt: example.prompt, answer: example.answer, energy: own.first!,
        isBelowThreshold: own.first! < model.threshold, negatives: example.negatives,
        negativeEnergies: Array(own.dropFirst()))
    }
  }
}

extension PlannerModel {
  /// E(x, enc(y)) of prompts and answers: `[n]`.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.answerTooLong`, `.holdsNUL`.
  public func energies(
    ofPrompts prompts: [String], answers: [String], memory: [[RetrievedEntry]]? = nil,
    batchSize: Int = 256
  ) throws -> [Double] {
    precondition(prompts.count == answers.count, "an answer for each prompt")
    try check(answers: answers)
    return try inferring {
      try stride(from: 0, to: prompts.count, by: batchSize).flatMap { start in
        let range = start..<min(start + batchSize, prompts.count)
        let conditioning = try conditioning(
          ofPrompts: Array(prompts[range]), memory: memory.map { Array($0[range]) })
        return energies(ofAnswers: symbols(ofAnswers: Array(answers[range])), conditioning)
          .to(.float64, device: .cpu).array(of: Double.self)
      }
    }
  }
}

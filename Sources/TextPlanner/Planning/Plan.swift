/// Where a descent stood after so many updates.
public struct PlanStep: Codable, Sendable, Equatable {
  /// Which start, from 1.
  public let start: Int
  /// Updates in this start.
  public let step: Int
  /// Of the latents, as they are.
  public let energy: Double
  /// What they decode to.
  public let text: String
}

/// An answer, and how it was found.
public struct Plan: Codable, Sendable, Equatable {
  public let prompt: String
  public let answer: String
  /// The energy of the answer, read again: E(x, enc(answer)).
  public let energy: Double
  /// Whether that is below the model's threshold.
  public let isVerified: Bool
  /// Starts from noise that were made.
  public let starts: Int
  /// Updates of the latents, over all starts.
  public let steps: Int
  /// Energies with their gradient, over all starts: one more than the steps of each.
  public let evaluations: Int
  /// Energies of decoded answers, without a gradient.
  public let verifications: Int
  /// Why the last start ended: `verified`, `plateau` or `budget`.
  public let reason: String
  /// What a single evaluation from noise says: system one. With the trace only.
  public let firstGuess: String?
  /// Every step of every start, where it was asked for.
  public let trace: [PlanStep]?
}

/// How answers are looked for.
public struct PlanningOptions: Sendable, Equatable {
  /// Updates of one start, at least 1.
  public var steps = 32
  /// Starts from fresh noise at most, at least 1.
  public var starts = 4
  /// How far along the gradient; halved where the energy rises.
  public var stepSize = 0.5
  /// What fresh noise is made from, with the prompt.
  public var seed: UInt64 = 0
  /// Whether an answer is accepted as soon as its energy is below the threshold.
  public var verifies = true
  /// A start ends when the energy has not fallen by `tolerance` for so many steps.
  public var plateauPatience = 8
  public var plateauTolerance = 1e-3
  /// Prompts that are answered together.
  public var batchSize = 256
  /// Whether plans hold every step.
  public var recordsTrace = false

  public init() {}
}

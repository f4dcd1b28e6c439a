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
public struct Plan: PromptAnswer, Codable, Sendable, Equatable {
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
  /// Energies of latents, over all starts: one more than the steps of each.
  public let evaluations: Int
  /// How many of them were followed by their gradient.
  public let gradients: Int
  /// Latents that were decoded.
  public let decodings: Int
  /// Energies of decoded answers.
  public let verifications: Int
  /// Floating-point operations of matrix products, reading the prompt included.
  public let operations: Double
  /// Why the last start ended: `verified`, `plateau` or `budget`.
  public let reason: String
  /// What a single evaluation from noise says: system one. With the trace only.
  public let firstGuess: String?
  /// Every step of every start, where it was asked for.
  public let trace: [PlanStep]?
}

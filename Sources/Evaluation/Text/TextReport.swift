/// What a planner, and a baseline beside it, get right on prompts with known answers. Its coding keys
/// are those of the JSON report.
public struct TextReport: Codable, Equatable, Sendable {
  /// Prompts that were answered.
  public var count: Int
  /// Examples that were left out because a text is over the model's limit.
  public var skipped: Int
  /// Right answers of plain descents after so many steps, without verification or restarts: `{"1": 0.81, …}`.
  public var exactMatchBySteps: [String: Double]
  /// Right answers of a single evaluation and a full step from noise: system one.
  public var firstGuess: Double
  /// Planned answers, with verification and restarts.
  public var planner: MethodScore
  /// The planner's answers by the difficulty of the prompts, easiest first; empty where none is given.
  public var byDifficulty: [DifficultyScore]
  /// How many answers were accepted, and how many of these were right.
  public var verified: VerifiedScore
  public var auroc: EnergyRanking
  /// The autoregressive baseline's methods by name; empty where there is no baseline.
  public var baselines: [String: MethodScore]
  /// Every method from cheap to dear; nil where it was not asked for.
  public var curves: [MethodCurve]?

  /// One way to answer, at several settings.
  public struct MethodCurve: Codable, Equatable, Sendable {
    /// Such as `likelihood` or `residualPlanner`.
    public var method: String
    public var points: [CurvePoint]
  }

  public struct CurvePoint: Codable, Equatable, Sendable {
    /// Samples or steps at most.
    public var setting: Int
    public var score: MethodScore
  }

  /// One way to answer.
  public struct MethodScore: Codable, Equatable, Sendable {
    public var exactMatch: Double
    /// By difficulty, as text; empty where none is given.
    public var exactMatchByDifficulty: [String: Double]
    public var millisecondsPerItem: Double
    /// Floating-point operations of matrix products.
    public var operationsPerItem: Double
    public var operationsByDifficulty: [String: Double]
  }

  /// The planner on prompts of one difficulty.
  public struct DifficultyScore: Codable, Equatable, Sendable {
    public var difficulty: Int
    public var count: Int
    public var exactMatch: Double
    /// Energies with their gradient, over all starts.
    public var meanEvaluations: Double
    public var firstGuess: Double
    public var exactMatchBySteps: [String: Double]
  }

  public struct VerifiedScore: Codable, Equatable, Sendable {
    /// The part of all answers that was accepted.
    public var share: Double
    /// The part of the accepted answers that is right; nil where none was accepted.
    public var accuracy: Double?
    /// The part of the other answers that is right; nil where all were accepted.
    public var accuracyOfOthers: Double?
  }

  /// The probability that a wrong answer's energy is above a true one's; nil where there are no wrong answers
  /// of a kind.
  public struct EnergyRanking: Codable, Equatable, Sendable {
    /// One symbol is another.
    public var nearMiss: Double?
    /// Another prompt's answer.
    public var shuffled: Double?
    /// What the planner's own descents decode to, and is wrong.
    public var ownWrong: Double?
    /// How many wrong answers of the last kind there were.
    public var ownWrongCount: Int
  }
}

/// How answers are looked for.
public struct PlanningOptions: Sendable, Equatable {
  /// What the latents are moved along; nil for what the model was trained for.
  public var step: PlannerDirection? = nil
  /// Updates of one start, at least 1.
  public var steps = 32
  /// Starts at most, at least 1.
  public var starts = 4
  /// Whether all starts are made together: the first of which an answer is verified ends the others.
  public var races = false
  /// How far each step goes. nil for what suits `step`.
  public var stepSize: Double? = nil
  /// A step is halved where the energy is above the greatest of so many before. nil for what suits `step`:
  /// 1 along the gradient, never along residuals.
  public var window: Int? = nil
  /// Answers are read again where rounding the latents to them costs less than so many times the threshold.
  public var roundingSlack = Double.infinity
  /// A start after the first is made from the latents that came nearest, with so much noise in them, 0 to 1: 1
  /// is nothing but noise.
  public var restartNoise = 1.0
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

import TrainingRuns

/// How the model's own descents are kept for training. What is nil is what suits the direction of the steps:
/// along residuals descents are few, short and noisy, so that they are of the model as it is now.
public struct RolloutConfiguration: RunConfiguration {
  /// Descents under way; by default 2048 along the gradient, 768 along residuals.
  public var capacity: Int? = nil
  /// The part of each batch that goes on with one, 0 to below 1; by default 0.5, 0.625.
  public var share: Double? = nil
  /// Step sizes are drawn from this range anew for each item and step; by default from 0.3 to 1, 0.8 to 1.
  public var minimumStepSize: Double? = nil
  public var maximumStepSize: Double? = nil
  /// Noise is put on where a step led: of a strength drawn up to this, 0 to below 1, beside the rest of what was there;
  /// by default none, 0.2.
  public var noise: Double? = nil
  /// A descent is replaced by a new one from noise after a number of steps drawn from this range; by default
  /// from 4 to 16, 2 to 8.
  public var minimumLifetime: Int? = nil
  public var maximumLifetime: Int? = nil

  public init() {}

  /// The configuration with nothing left open.
  func resolved(along step: PlannerDirection) -> RolloutConfiguration {
    let policy = RolloutPolicy(self, along: step)
    var resolved = self
    resolved.capacity = policy.capacity
    resolved.share = policy.share
    resolved.minimumStepSize = policy.stepSizes.low
    resolved.maximumStepSize = policy.stepSizes.high
    resolved.noise = policy.noise
    resolved.minimumLifetime = policy.lifetimes.low
    resolved.maximumLifetime = policy.lifetimes.high
    return resolved
  }

  /// - Throws: `RunError.invalidValue`.
  func validate(along step: PlannerDirection) throws {
    let check = SettingCheck(in: "rollout")
    let policy = RolloutPolicy(self, along: step)
    try check(
      (1...1_000_000).contains(policy.capacity), "capacity",
      "1 to 1000000, found \(policy.capacity)")
    try check((0..<1).contains(policy.share), "share", "0 to below 1, found \(policy.share)")
    try check(
      policy.stepSizes.low > 0 && policy.stepSizes.low <= policy.stepSizes.high
        && policy.stepSizes.high <= 2, "minimumStepSize",
      "above 0 and not above maximumStepSize, which is at most 2")
    try check((0..<1).contains(policy.noise), "noise", "0 to below 1, found \(policy.noise)")
    try check(
      policy.lifetimes.low >= 1 && policy.lifetimes.low <= policy.lifetimes.high,
      "minimumLifetime",
      "at least 1 and not above maximumLifetime, found \(policy.lifetimes.low)")
  }
}

/// What `RolloutConfiguration` comes to.
struct RolloutPolicy {
  let capacity: Int
  let share: Double
  let stepSizes: (low: Double, high: Double)
  let noise: Double
  let lifetimes: (low: Int, high: Int)

  init(_ settings: RolloutConfiguration, along step: PlannerDirection) {
    let isResidual = step == .residual
    capacity = settings.capacity ?? (isResidual ? 768 : 2048)
    share = settings.share ?? (isResidual ? 0.625 : 0.5)
    stepSizes = (
      settings.minimumStepSize ?? (isResidual ? 0.8 : 0.3), settings.maximumStepSize ?? 1
    )
    noise = settings.noise ?? (isResidual ? 0.2 : 0)
    lifetimes = (
      settings.minimumLifetime ?? (isResidual ? 2 : 4),
      settings.maximumLifetime ?? (isResidual ? 8 : 16)
    )
  }
}

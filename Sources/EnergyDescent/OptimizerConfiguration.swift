/// How the weights of a run move: the rule, its step size over the run, decay and clipping.
public struct OptimizerConfiguration: Codable, Sendable, Equatable {
  /// The rule for matrices between hidden layers: `muon`, or `adamw` as for everything else.
  public var matrices: WeightDescent.MatrixRule
  /// With Muon: how many times as long the matrices' steps are.
  public var matrixStepScale = 10.0
  /// The step size over the course of the run.
  public var learningRate: Schedule
  /// Of matrices only; biases, norms and tokens do not decay.
  public var weightDecay: Double
  public var beta1 = 0.9
  public var beta2 = 0.98
  /// The norm that gradients are scaled down to; nil leaves them.
  public var clipNorm: Double?

  public init(
    matrices: WeightDescent.MatrixRule = .muon, learningRate: Schedule, weightDecay: Double,
    clipNorm: Double?
  ) {
    self.matrices = matrices
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.clipNorm = clipNorm
  }

  /// The first setting that makes no sense, and what was expected of it and found; nil where all do.
  public var problem: (setting: String, reason: String)? {
    let rate = learningRate
    let checks: [(holds: Bool, setting: String, reason: String)] = [
      (rate.peak > 0 && rate.peak.isFinite, "learningRate.peak", "above 0, found \(rate.peak)"),
      (
        (0...1).contains(rate.warmup) && rate.end >= 0 && rate.end.isFinite, "learningRate",
        "a warmup of 0 to 1 and an end of 0 or more"
      ),
      (
        matrixStepScale > 0 && matrixStepScale.isFinite, "matrixStepScale",
        "above 0, found \(matrixStepScale)"
      ),
      (weightDecay >= 0 && weightDecay.isFinite, "weightDecay", "0 or more, found \(weightDecay)"),
      (
        (clipNorm ?? 1) > 0 && (clipNorm ?? 1).isFinite, "clipNorm",
        "above 0 or null, found \(clipNorm ?? 0)"
      ),
      ((0..<1).contains(beta1), "beta1", "0 to below 1, found \(beta1)"),
      ((0..<1).contains(beta2), "beta2", "0 to below 1, found \(beta2)"),
    ]
    return checks.first { !$0.holds }.map { ($0.setting, $0.reason) }
  }
}

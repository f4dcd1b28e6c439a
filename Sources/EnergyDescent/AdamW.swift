import Torch

/// Adaptive moments with decoupled weight decay; libtorch's fused kernel.
///
///     m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
///     z = z - a d z - a (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
///
/// Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, with step size a and weight decay d.
public final class AdamW: UpdateRule {
  /// Consecutive variables that are treated alike.
  public struct Group: Sendable {
    public var count: Int
    public var weightDecay: Double
    /// What the step size is multiplied by.
    public var stepScale: Double

    public init(count: Int, weightDecay: Double, stepScale: Double = 1) {
      self.count = count
      self.weightDecay = weightDecay
      self.stepScale = stepScale
    }
  }

  public let betas: (Double, Double)
  public let epsilon: Double
  private let groups: [Group]
  private var firstMoments: [Tensor] = []
  private var secondMoments: [Tensor] = []
  private var steps: [Tensor] = []

  /// - Parameters:
  ///   - betas: the shares that the means of the gradient and of its square keep in a step.
  ///   - epsilon: what is added to the root of the squares' mean.
  ///   - groups: how the list of variables is divided, in order; empty: all alike, no decay.
  public init(
    betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, groups: [Group] = []
  ) {
    self.betas = betas
    self.epsilon = epsilon
    self.groups = groups
  }

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    if firstMoments.isEmpty { begin(with: variables) }
    precondition(
      variables.count == firstMoments.count && variables.count == gradients.count,
      "AdamW serves \(firstMoments.count) variables, not \(variables.count)")
    var start = 0
    for group in groups.isEmpty ? [Group(count: variables.count, weightDecay: 0)] : groups {
      let range = start..<start + group.count
      start = range.upperBound
      adamWStep(
        Array(variables[range]), gradients: Array(gradients[range]),
        firstMoments: Array(firstMoments[range]), secondMoments: Array(secondMoments[range]),
        steps: Array(steps[range]), stepSize: stepSize * group.stepScale, betas: betas,
        weightDecay: group.weightDecay, epsilon: epsilon)
    }
  }

  private func begin(with variables: [Tensor]) {
    let grouped = groups.reduce(0) { $0 + $1.count }
    precondition(
      groups.isEmpty || grouped == variables.count,
      "AdamW's groups name \(grouped) variables, there are \(variables.count)")
    // In the memory order of the variable (channels last, perhaps), as the fused kernel needs.
    withoutGradient {
      firstMoments = variables.map { $0.detached() * 0 }
      secondMoments = variables.map { $0.detached() * 0 }
    }
    steps = variables.map { Tensor.zeros([], device: $0.device) }
  }

  public func keep(rows: Tensor) {
    firstMoments = firstMoments.map { $0.select(indices: rows) }
    secondMoments = secondMoments.map { $0.select(indices: rows) }
  }

  public var state: [VariableMemory] {
    firstMoments.indices.flatMap { variable in
      [
        ("firstMoment", firstMoments[variable]), ("secondMoment", secondMoments[variable]),
        ("step", steps[variable]),
      ].map { VariableMemory(variable: variable, name: $0.0, tensor: $0.1) }
    }
  }

  public func restore(_ state: [VariableMemory], for variables: [Tensor]) {
    guard !state.isEmpty else { return }
    begin(with: variables)
    self.state.assign(state)
  }
}

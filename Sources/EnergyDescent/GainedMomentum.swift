import Torch

/// Gradient descent with momentum and a gain for each number, which grows while the number keeps going one
/// way and shrinks when it turns round: what t-SNE's layouts are found by.
///
///     gain     <- gain + 0.2 where gradient and velocity disagree, else 0.8 gain; at least 0.01
///     velocity <- momentum velocity - stepSize gain gradient
///     z        <- z + velocity
///
/// Jacobs 1988, "Increased rates of convergence through learning rate adaptation"; van der Maaten and Hinton
/// 2008, "Visualizing data using t-SNE", section 3.4.
public final class GainedMomentum: UpdateRule {
  /// The share of the last step that the next one keeps, 0 to below 1; it may change on the way.
  public var momentum: Double
  private var velocities: [Tensor] = []
  private var gains: [Tensor] = []

  public init(momentum: Double = 0.8) { self.momentum = momentum }

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    withoutGradient {
      if velocities.isEmpty { begin(with: variables) }
      precondition(
        variables.count == velocities.count && variables.count == gradients.count,
        "momentum of \(velocities.count) variables, not of \(variables.count)")
      for (index, (variable, gradient)) in zip(variables, gradients).enumerated() {
        // A velocity against the gradient goes downhill.
        let goesOn = (gradient * velocities[index]) .< 0
        gains[index] = (gains[index] + 0.2).choose(where: goesOn, else: gains[index] * 0.8)
          .clamped(to: 0.01...(.infinity))
        velocities[index] =
          velocities[index] * momentum - gains[index] * stepSize * gradient
        variable.accumulate(velocities[index])
      }
    }
  }

  private func begin(with variables: [Tensor]) {
    velocities = variables.map { Tensor.zeros(like: $0) }
    gains = velocities.map { $0 + 1 }
  }

  public func keep(rows: Tensor) {
    velocities = velocities.map { $0.select(indices: rows) }
    gains = gains.map { $0.select(indices: rows) }
  }

  public var state: [VariableMemory] {
    velocities.indices.flatMap { variable in
      [("velocity", velocities[variable]), ("gain", gains[variable])].map {
        VariableMemory(variable: variable, name: $0.0, tensor: $0.1)
      }
    }
  }

  public func restore(_ state: [VariableMemory], for variables: [Tensor]) {
    guard !state.isEmpty else { return }
    begin(with: variables)
    self.state.assign(state)
  }
}

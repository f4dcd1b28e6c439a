import Torch

/// How variables move along the gradient of an energy; for weights and for latents alike.
///
/// A rule may remember things about each variable (moments). It serves one list of variables, always in
/// the same order.
public protocol UpdateRule: AnyObject {
  /// Changes the variables in place, against their gradients.
  func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double)

  /// From now on the variables have only these rows (int64 `[n]`): what is remembered shrinks with them.
  func keep(rows: Tensor)

  /// What the rule remembers, for a checkpoint.
  var state: [(name: String, tensor: Tensor)] { get }

  /// Continues from a saved state, given the variables it will serve.
  ///
  /// Precondition: the state is that of a rule of the same kind for variables of the same shapes.
  func restore(_ state: [String: Tensor], for variables: [Tensor])
}

/// `z - stepSize * gradient`.
public final class GradientDescent: UpdateRule {
  public init() {}

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    withoutGradient {
      for (variable, gradient) in zip(variables, gradients) {
        variable.accumulate(gradient, scale: -stepSize)
      }
    }
  }

  public func keep(rows: Tensor) {}
  public var state: [(name: String, tensor: Tensor)] { [] }
  public func restore(_ state: [String: Tensor], for variables: [Tensor]) {}
}

/// `z - stepSize * gradient + sqrt(2 * stepSize * temperature) * noise`: draws from exp(-E / temperature)
/// instead of going to the nearest minimum.
///
/// Welling and Teh 2011, "Bayesian learning via stochastic gradient Langevin dynamics".
public final class Langevin: UpdateRule {
  /// 0 is plain gradient descent.
  public var temperature: Double
  private let generator: RandomGenerator

  public init(temperature: Double, using generator: RandomGenerator) {
    precondition(temperature >= 0, "a Langevin temperature of \(temperature)")
    self.temperature = temperature
    self.generator = generator
  }

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    let deviation = (2 * stepSize * temperature).squareRoot()
    withoutGradient {
      for (variable, gradient) in zip(variables, gradients) {
        variable.accumulate(gradient, scale: -stepSize)
        let noise = Tensor.normal(variable.shape, using: generator)
        variable.accumulate(noise.to(variable.dtype, device: variable.device), scale: deviation)
      }
    }
  }

  public func keep(rows: Tensor) {}

  public var state: [(name: String, tensor: Tensor)] { [("generator", Tensor(generator.state))] }

  public func restore(_ state: [String: Tensor], for variables: [Tensor]) {
    if let saved = state["generator"] { generator.state = saved.array() }
  }
}

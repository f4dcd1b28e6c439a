import Torch

/// Minimizes a smooth function of one tensor by its last few steps' curvature.
///
/// For small, full-batch, convex fits, which end at a minimum and say how near they are to it: linear probes and
/// rules of thresholds. Models are trained by `WeightDescent`, latents by `Minimizer`.
///
/// Reference: Liu and Nocedal 1989, "On the limited memory BFGS method for large scale optimization";
/// Nocedal and Wright 2006, "Numerical optimization", algorithms 7.4 and 7.5.
public struct LBFGS: Sendable {
  /// A function's value, and its gradient of the point's shape in float64.
  public typealias Evaluation = (value: Double, gradient: Tensor)

  /// Why the search ended.
  public enum StopReason: String, Sendable, Codable {
    /// The gradient's norm is within the tolerance.
    case converged
    /// All iterations were used.
    case iterationLimit
    /// No step along the direction improves the value by more than its rounding error.
    case noProgress
  }

  /// Where the search ended.
  public struct Solution: Sendable {
    /// The best point, float64.
    public let point: Tensor
    /// The function's value there.
    public let value: Double
    /// The gradient's Euclidean norm there.
    public let gradientNorm: Double
    /// How many steps were taken.
    public let iterations: Int
    /// How often the function was evaluated.
    public let evaluations: Int
    public let reason: StopReason
  }

  /// The number of steps that are remembered.
  public var historyLength: Int
  /// The greatest number of steps.
  public var maximumIterations: Int
  /// The Euclidean norm of the gradient at which the search ends.
  public var gradientTolerance: Double
  /// The rounding error of the function's values, relative to them: about 1e-15 for sums in float64.
  public var valueAccuracy: Double

  public init(
    historyLength: Int = 10, maximumIterations: Int = 1000, gradientTolerance: Double = 1e-6,
    valueAccuracy: Double = 1e-14
  ) {
    self.historyLength = historyLength
    self.maximumIterations = maximumIterations
    self.gradientTolerance = gradientTolerance
    self.valueAccuracy = valueAccuracy
  }

  /// Searches downhill from `start`.
  ///
  /// - Parameters:
  ///   - start: float64, any shape.
  ///   - preconditioner: multiplies by a symmetric positive definite estimate of the Hessian's
  ///     inverse; nil where nothing is known.
  ///   - evaluate: the function.
  public func minimize(
    from start: Tensor, preconditioner: ((Tensor) -> Tensor)? = nil,
    _ evaluate: (Tensor) -> Evaluation
  ) -> Solution {
    withoutGradient {
      search(from: start, preconditioner: preconditioner, evaluate)
    }
  }

  private struct Pair {
    let step: Tensor
    let gradientChange: Tensor
    let product: Double
  }

  private func search(
    from start: Tensor, preconditioner: ((Tensor) -> Tensor)?, _ evaluate: (Tensor) -> Evaluation
  ) -> Solution {
    precondition(start.dtype == .float64, "L-BFGS works in float64, not \(start.dtype)")
    var evaluations = 0
    func counted(_ point: Tensor) -> Evaluation {
      evaluations += 1
      return evaluate(point)
    }
    var point = start
    var (value, gradient) = counted(start)
    var pairs: [Pair] = []
    var iteration = 0
    var stalledSteps = 0
    func solution(_ reason: StopReason) -> Solution {
      Solution(
        point: point, value: value, gradientNorm: gradient.norm().item(), iterations: iteration,
        evaluations: evaluations, reason: reason)
    }
    while true {
      let gradientNorm = gradient.norm().item()
      if gradientNorm <= gradientTolerance { return solution(.converged) }
      if iteration >= maximumIterations { return solution(.iterationLimit) }
      let direction = direction(gradient, pairs, preconditioner)
      let lineSearch = WolfeLineSearch(valueNoise: valueAccuracy * abs(value))
      let found = lineSearch.search(
        from: .init(
          step: 0, value: value, slope: gradient.dot(direction), point: point, gradient: gradient),
        along: direction,
        // Without any knowledge of the curvature the first step is as long as one unit.
        firstStep: pairs.isEmpty && preconditioner == nil ? min(1, 1 / gradientNorm) : 1,
        counted)
      guard let found else {
        if pairs.isEmpty { return solution(.noProgress) }
        // The memory may be what misleads: steepest descent gets one try before giving up.
        pairs = []
        continue
      }
      // Within its rounding error a value says nothing any more: then the gradient has to fall.
      let isBetter = found.value < value || found.gradient.norm().item() < gradientNorm
      stalledSteps = isBetter ? 0 : stalledSteps + 1
      if stalledSteps == 3 { return solution(.noProgress) }
      let step = found.point - point
      let change = found.gradient - gradient
      let product = step.dot(change)
      if product > 1e-12 * step.norm().item() * change.norm().item() {
        if pairs.count == historyLength { pairs.removeFirst() }
        pairs.append(Pair(step: step, gradientChange: change, product: product))
      }
      (point, value, gradient) = (found.point, found.value, found.gradient)
      iteration += 1
    }
  }

  /// `-H g`, with H from the remembered steps (the two-loop recursion).
  private func direction(
    _ gradient: Tensor, _ pairs: [Pair], _ preconditioner: ((Tensor) -> Tensor)?
  ) -> Tensor {
    func scaled(_ x: Tensor) -> Tensor { preconditioner?(x) ?? x }
    var q = gradient.clone()
    var weights: [Double] = []
    for pair in pairs.reversed() {
      let weight = pair.step.dot(q) / pair.product
      weights.append(weight)
      q.accumulate(pair.gradientChange, scale: -weight)
    }
    q = scaled(q)
    if let last = pairs.last {
      q = q * (last.product / last.gradientChange.dot(scaled(last.gradientChange)))
    }
    for (pair, weight) in zip(pairs, weights.reversed()) {
      let correction = pair.gradientChange.dot(q) / pair.product
      q.accumulate(pair.step, scale: weight - correction)
    }
    return -q
  }
}

extension Tensor {
  /// The sum of products of all elements.
  func dot(_ other: Tensor) -> Double { (self * other).sum().item() }
}

import Torch

/// The convex fit behind the linear probe.
///
/// `f(W, b) = mean_n [ log sum_k exp(x_n . w_k + b_k) - x_n . w_y(n) - b_y(n) ] + strength / 2 * ||W||^2`.
/// W and b are one tensor `[D + 1, K]`, the biases its last row.
package struct SoftmaxRegression {
  private let x: Tensor
  private let targets: Tensor
  private let curvature: CurvatureEstimate
  private let classCount: Int

  /// - Parameters:
  ///   - x: standardized embeddings `[N, D]`.
  ///   - labels: N classes below `classCount`.
  ///   - curvature: of x, or of embeddings like it.
  package init(x: Tensor, labels: [Int], classCount: Int, curvature: CurvatureEstimate) {
    self.x = x
    self.classCount = classCount
    self.curvature = curvature
    targets = Tensor.identity(classCount, dtype: .float64)
      .select(indices: Tensor(labels.map(Int64.init)))
  }

  /// Weights that do nothing, `[D + 1, K]`: where a fit may start.
  package var zeroWeights: Tensor { Tensor.zeros([x.size(1) + 1, classCount], dtype: .float64) }

  /// Logits `[N, K]` of embeddings under weights, float64.
  package static func logits(_ x: Tensor, _ weights: Tensor) -> Tensor {
    let width = x.size(1)
    return x.matmul(weights.slice(0..<width).to(x.dtype)).to(.float64) + weights[width]
  }

  /// Minimizes f from `start` `[D + 1, K]`.
  package func fit(
    strength: Double, from start: Tensor, gradientTolerance: Double, maximumIterations: Int
  ) -> LBFGS.Solution {
    let width = x.size(1)
    let penalty = Tensor.concatenate([
      Tensor.full([width, 1], strength, dtype: .float64), Tensor.zeros([1, 1], dtype: .float64),
    ])
    let p = Self.logits(x, start).softmax(-1)
    let solver = LBFGS(
      maximumIterations: maximumIterations, gradientTolerance: gradientTolerance,
      valueAccuracy: x.dtype == .float64 ? 1e-14 : 1e-8)
    let inverse = curvature.inverse(
      meanVariance: max((p * (1 - p)).mean().item(), 1e-3), strength: strength)
    return solver.minimize(from: start, preconditioner: inverse) { weights in
      let logProbabilities = Self.logits(x, weights).logSoftmax(-1)
      let count = Double(x.size(0))
      let value =
        (penalty * weights.squared()).sum() / 2 - (logProbabilities * targets).sum() / count
      let residual = (logProbabilities.exp() - targets) / count
      // Measured at D = 3,072: the product in this order takes a seventh of X^T R's time.
      let slopes = residual.to(x.dtype).transposed().matmul(x).transposed().to(.float64)
      let gradient =
        Tensor.concatenate([slopes, residual.sum(0, keepingDimensions: true)]) + penalty * weights
      return (value.item(), gradient)
    }
  }

  /// The mean cross-entropy in nats, without penalty, and the share of right answers.
  package func score(_ weights: Tensor) -> (crossEntropy: Double, top1: Double) {
    let logits = Self.logits(x, weights)
    let crossEntropy = -(logits.logSoftmax(-1) * targets).sum().item() / Double(x.size(0))
    let right = (logits.argmax(-1) .== targets.argmax(-1)).to(.float64).mean().item()
    return (crossEntropy, right)
  }
}

import Torch

/// The convex fit behind the linear probe.
///
/// `f(W) = mean_n [ log sum_k exp(x_n . w_k) - x_n . w_y(n) ] + strength / 2 * ||W||^2`, where the
/// last column of x is 1 and its weight, the bias, carries no penalty.
struct SoftmaxRegression {
  private let x: Tensor
  private let transposed: Tensor
  private let targets: Tensor
  private let variances: Tensor
  private let classCount: Int

  // Up to so many elements the products run in float64: 32 MB.
  private static let greatestExactCount = 1 << 22

  /// - Parameters:
  ///   - x: `[N, R + 1]`, the last column ones.
  ///   - labels: N classes below `classCount`.
  ///   - variances: of the first R columns, float64 `[R]`.
  init(x: Tensor, labels: [Int], classCount: Int, variances: Tensor) {
    let exact = x.count <= Self.greatestExactCount
    self.x = exact ? x.to(.float64) : x
    transposed = self.x.transposed()
    self.classCount = classCount
    self.variances = Tensor.concatenate([variances, Tensor.ones([1], dtype: .float64)])
    targets = Tensor.identity(classCount, dtype: .float64)
      .select(indices: Tensor(labels.map(Int64.init)))
  }

  /// Weights that do nothing, `[R + 1, K]`: where a fit may start.
  var zeroWeights: Tensor { Tensor.zeros([x.size(1), classCount], dtype: .float64) }

  /// Minimizes f from `start` `[R + 1, K]`.
  func fit(
    strength: Double, from start: Tensor, gradientTolerance: Double, maximumIterations: Int
  ) -> LBFGS.Solution {
    let rank = x.size(1) - 1
    let penalty = Tensor.concatenate([
      Tensor.full([rank, 1], strength, dtype: .float64), Tensor.zeros([1, 1], dtype: .float64),
    ])
    // The Hessian is near a * diag(variances) + penalty, with a the mean of p (1 - p).
    let p = x.matmul(start.to(x.dtype)).softmax(-1)
    let a = max((p * (1 - p)).mean().item(), 1e-3)
    let preconditioner = (variances.unsqueezed(1) * a + penalty).reciprocal()
    let solver = LBFGS(
      maximumIterations: maximumIterations, gradientTolerance: gradientTolerance,
      valueAccuracy: x.dtype == .float64 ? 1e-14 : 1e-8)
    return solver.minimize(from: start, preconditioner: preconditioner) { weights in
      let logits = x.matmul(weights.to(x.dtype)).to(.float64)
      let logProbabilities = logits.logSoftmax(-1)
      let count = Double(x.size(0))
      let value =
        (penalty * weights.squared()).sum() / 2 - (logProbabilities * targets).sum() / count
      let residual = (logProbabilities.exp() - targets) / count
      let gradient = transposed.matmul(residual.to(x.dtype)).to(.float64) + penalty * weights
      return (value.item(), gradient)
    }
  }

  /// The mean cross-entropy in nats, without penalty, and the share of right answers.
  func score(_ weights: Tensor) -> (crossEntropy: Double, top1: Double) {
    let logits = x.matmul(weights.to(x.dtype)).to(.float64)
    let crossEntropy = -(logits.logSoftmax(-1) * targets).sum().item() / Double(x.size(0))
    let right = (logits.argmax(-1) .== targets.argmax(-1)).to(.float64).mean().item()
    return (crossEntropy, right)
  }
}

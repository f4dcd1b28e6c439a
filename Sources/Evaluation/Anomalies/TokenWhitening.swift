import Torch

/// Makes tokens uncorrelated and of deviation 1: `y = (x - mean) V / sqrt(lambda + floor)`.
///
/// Half the squared length of y is then, but for a constant, the energy of a normal distribution: Mahalanobis's
/// distance. The floor, a share of the mean eigenvalue, keeps directions that hold little but noise from deciding.
struct TokenWhitening {
  /// `[1, D]`
  let mean: Tensor
  /// `[D, D]`
  let weight: Tensor

  /// - Parameters:
  ///   - rows: `[M, D]`, M at least 1.
  ///   - floor: a share of the mean eigenvalue.
  init(of rows: Tensor, floor: Double) {
    precondition(rows.rank == 2 && rows.size(0) > 0, "whitening of \(rows.shape)")
    (mean, weight) = withoutGradient {
      let exact = rows.to(.float64)
      let mean = exact.mean(0, keepingDimensions: true)
      let centred = exact - mean
      let covariance = centred.transposed().matmul(centred) / Double(rows.size(0))
      let (values, vectors) = covariance.symmetricEigen()
      let variances = values.clamped(to: 0...(.infinity))
      let scale = (variances + variances.mean().item() * floor + 1e-12).rsqrt()
      return (mean.to(.float32), (vectors * scale).to(.float32).contiguous())
    }
  }

  init(mean: Tensor, weight: Tensor) {
    self.mean = mean
    self.weight = weight
  }

  /// Tokens `[…, D]`, whitened.
  func callAsFunction(_ tokens: Tensor) -> Tensor {
    withoutGradient { (tokens - mean.flattened()).matmul(weight) }
  }
}

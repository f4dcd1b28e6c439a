import Torch

/// Embeddings with mean 0 and deviation 1 in each dimension, turned onto the axes of their variance.
///
/// Turning changes nothing about a regression whose penalty is the weights' length, but along these
/// axes its curvature is nearly diagonal and known beforehand, so that a fit takes tens of steps
/// instead of thousands. With more dimensions than items, only the axes that items span are kept:
/// the weights along all others are 0 at the minimum. Above `greatestTurn` the axes would take
/// longer than they save, and the dimensions stay as they are.
struct PrincipalAxes {
  /// The variance along each of R axes, `[R]` float64.
  let variances: Tensor

  private let mean: Tensor
  private let scale: Tensor
  private let axes: Tensor?

  private static let greatestTurn = 4096
  // Below this size the axes are found in float64, which costs at most a second or two there.
  private static let greatestExactTurn = 1536

  /// Finds the axes of `embeddings` `[N, D]`, float32.
  init(of embeddings: Tensor) {
    let mean = embeddings.to(.float64).mean(0)
    let deviation = embeddings.to(.float64).variance(0, correction: 0).sqrt()
    // What only rounding moves would otherwise be blown up to the size of everything else.
    let isConstant = deviation .<= (mean.abs() * 1e-6 + 1e-30)
    self.mean = mean.to(.float32)
    scale = deviation.reciprocal().filled(with: 0, where: isConstant).to(.float32)
    let standardized = (embeddings - self.mean) * scale
    let (count, width) = (embeddings.size(0), embeddings.size(1))
    let side = min(count, width)
    guard side <= Self.greatestTurn else {
      axes = nil
      variances = Tensor.ones([width], dtype: .float64).filled(with: 0, where: isConstant)
      return
    }
    let z = side <= Self.greatestExactTurn ? standardized.to(.float64) : standardized
    let gram = width <= count ? z.transposed().matmul(z) : z.matmul(z.transposed())
    let (values, vectors) = gram.symmetricEigen()
    let accuracy = z.dtype == .float64 ? 1e-12 : 1e-6
    let least = max(accuracy * values.max().item(), .leastNormalMagnitude)
    let kept = (values .> least).nonzero().flattened()
    let lengths = values.select(indices: kept)
    let spanning = vectors.select(indices: kept, along: 1)
    axes =
      (width <= count ? spanning : z.transposed().matmul(spanning) * lengths.rsqrt())
      .to(.float32)
    variances = lengths.to(.float64) / Double(count)
  }

  /// Coordinates along the axes, and a last column of ones for the bias: `[N, R + 1]`.
  func coordinates(of embeddings: Tensor) -> Tensor {
    let standardized = (embeddings - mean) * scale
    let turned = axes.map { standardized.matmul($0) } ?? standardized
    return Tensor.concatenate([turned, Tensor.ones([turned.size(0), 1])], along: 1)
  }

  /// Weights of the standardized dimensions `[D, K]` from those of the axes `[R, K]`, float64.
  func untwisted(_ weights: Tensor) -> Tensor {
    axes.map { $0.to(.float64).matmul(weights) } ?? weights
  }
}

import Torch

/// Mean 0 and deviation 1 over the training items in each dimension; constant ones become 0.
struct Standardization {
  private let mean: Tensor
  private let scale: Tensor

  /// Measures `embeddings` `[N, D]`, float32.
  init(of embeddings: Tensor) {
    let exact = embeddings.to(.float64)
    let mean = exact.mean(0)
    let deviation = exact.variance(0, correction: 0).sqrt()
    // What only rounding moves would otherwise be blown up to the size of everything else.
    let isConstant = deviation .<= (mean.abs() * 1e-6 + 1e-30)
    self.mean = mean.to(.float32)
    scale = deviation.reciprocal().filled(with: 0, where: isConstant).to(.float32)
  }

  func callAsFunction(_ embeddings: Tensor) -> Tensor { (embeddings - mean) * scale }
}

import Torch

/// Whitened principal components of patches: `y_k = v_k . (x - mean) / sqrt(lambda_k + floor)`.
///
/// The floor, a ten-thousandth of the greatest eigenvalue, keeps directions that hold nothing but noise
/// from being blown up to the size of the others.
struct PatchWhitening {
  /// `[components, dimensions]`
  let weight: Tensor
  /// `[components]`
  let bias: Tensor

  /// - Parameters:
  ///   - patches: `[n, dimensions]`.
  ///   - components: at most `dimensions`.
  init(of patches: Tensor, components: Int) {
    let dimensions = patches.size(1)
    precondition(
      components <= dimensions && patches.size(0) > 1,
      "\(components) components of patches \(patches.shape)")
    (weight, bias) = withoutGradient {
      let mean = patches.mean(0, keepingDimensions: true)
      let centred = (patches - mean).to(.float64)
      let covariance = centred.transposed().matmul(centred) / Double(patches.size(0))
      let (values, vectors) = covariance.symmetricEigen()
      // Eigenvalues come least first.
      let kept = dimensions - components..<dimensions
      let greatest = values.max().item()
      let scale = (values.slice(kept).clamped(to: 0...(.infinity)) + 1e-4 * greatest + 1e-8).rsqrt()
      let weight = (vectors.slice(kept, along: 1) * scale).transposed().to(.float32).contiguous()
      let bias = -weight.matmul(mean.transposed()).squeezed(1)
      return (weight, bias)
    }
  }
}

import Foundation
import Torch

/// The effective number of dimensions of embeddings: it falls when a model collapses.
///
///     RankMe = exp(-sum_k p_k log p_k),   p_k = sigma_k / sum_i sigma_i + epsilon
///
/// with the singular values sigma of the embeddings, which as in the paper are not centred. Garrido et al.
/// 2023, "RankMe", arXiv:2210.02885, equation 2.
public enum RankMe {
  /// RankMe of embeddings `[N, D]`: 1 for embeddings on one line, up to min(N, D).
  ///
  /// The singular values are taken from the smaller Gram matrix in float64; their error, about 1e-8 of
  /// the greatest, is below epsilon.
  ///
  /// - Precondition: two dimensions, at least one item.
  public static func of(_ embeddings: Tensor, epsilon: Double = 1e-7) -> Double {
    precondition(
      embeddings.rank == 2 && embeddings.size(0) > 0,
      "RankMe of a tensor of shape \(embeddings.shape)")
    let squares = withoutGradient {
      let z = embeddings.detached().to(.float64, device: .cpu)
      // Not finite: no rank can be told, and no decomposition would be found.
      guard z.isFinite().all().integer() != 0 else { return [Double.nan] }
      let gram = z.size(0) < z.size(1) ? z.matmul(z.transposed()) : z.transposed().matmul(z)
      // Values without vectors take a third of the time; of such a matrix they are its eigenvalues.
      return gram.singularValues().array(of: Double.self)
    }
    let singularValues = squares.map { $0.squareRoot() }
    let total = singularValues.reduce(0, +)
    guard total != 0 else { return 1 }
    let entropy = singularValues.reduce(0.0) {
      let share = $1 / total + epsilon
      return $0 - share * log(share)
    }
    return exp(entropy)
  }
}

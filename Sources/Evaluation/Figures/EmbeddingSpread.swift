import Foundation
import Torch

/// How much of its space a set of embeddings fills; both figures fall when a model collapses.
public struct EmbeddingSpread: Equatable, Sendable, Codable {
  /// The effective number of dimensions, 1 to min(N, D).
  public let rankMe: Double
  /// The mean over dimensions of the standard deviation over items.
  public let meanDeviation: Double
  /// The least of those standard deviations.
  public let leastDeviation: Double
  /// The share of dimensions whose standard deviation is below one hundredth of the mean one.
  public let deadShare: Double

  /// Measures embeddings.
  ///
  /// - Throws: `EvaluationError.tooFewItems` below two items.
  public init(of table: EmbeddingTable) throws(EvaluationError) {
    rankMe = try Self.rankMe(of: table.embeddings)
    let deviations = Self.deviations(of: table.embeddings)
    let mean = deviations.reduce(0, +) / Double(deviations.count)
    meanDeviation = mean
    leastDeviation = deviations.min()!
    deadShare =
      Double(deviations.count { $0 <= 0.01 * mean }) / Double(deviations.count)
  }

  /// RankMe, exp of the entropy of the normalised singular values:
  /// `exp(-sum_k p_k log p_k)`, `p_k = sigma_k / sum_i sigma_i + epsilon`.
  ///
  /// As in the paper the embeddings are not centred. The singular values are taken from the smaller
  /// of the two Gram matrices in float64: their error, about 1e-8 of the greatest, is below epsilon.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, D]`, finite.
  ///   - epsilon: what keeps the logarithm finite.
  /// - Returns: 1 for embeddings on one line, up to min(N, D).
  /// - Throws: `EvaluationError.tooFewItems` below two items, `.notAMatrix`.
  ///
  /// Reference: Garrido et al. 2023, "RankMe", arXiv:2210.02885, equation 2.
  public static func rankMe(
    of embeddings: Tensor, epsilon: Double = 1e-7
  ) throws(EvaluationError) -> Double {
    guard embeddings.rank == 2 else { throw .notAMatrix(shape: embeddings.shape) }
    guard embeddings.size(0) >= 2 else {
      throw .tooFewItems(purpose: "RankMe", needed: 2, found: embeddings.size(0))
    }
    let squares = withoutGradient {
      let z = embeddings.detached().to(.float64, device: .cpu)
      let gram =
        z.size(0) < z.size(1) ? z.matmul(z.transposed()) : z.transposed().matmul(z)
      // Values without vectors take a third of the time; of such a matrix they are its eigenvalues.
      return gram.singularValues().array(of: Double.self)
    }
    let singularValues = squares.map { $0.squareRoot() }
    let total = singularValues.reduce(0, +)
    // Nothing but zeros: a point, the least rank there is.
    guard total > 0 else { return 1 }
    let entropy = singularValues.reduce(0.0) {
      let p = $1 / total + epsilon
      return $0 - p * log(p)
    }
    return exp(entropy)
  }

  /// The standard deviation of each dimension over the items (divided by N).
  ///
  /// - Parameter embeddings: `[N, D]`, N at least 1.
  public static func deviations(of embeddings: Tensor) -> [Double] {
    withoutGradient {
      embeddings.detached().to(.float64, device: .cpu).variance(0, correction: 0).sqrt()
        .array(of: Double.self)
    }
  }
}

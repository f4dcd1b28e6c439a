import Foundation
import Torch

/// The directions along which embeddings vary most.
///
/// Eigenvectors of the covariance, by the greatest eigenvalues. Of the two signs that each may have the one
/// is taken whose greatest entry is positive, so that the same embeddings give the same picture.
public struct PrincipalComponents: Sendable {
  /// `[1, D]`
  public let mean: Tensor
  /// `[D, k]`
  public let directions: Tensor
  /// The variance along each, greatest first.
  public let variances: [Double]
  /// The variance along all directions.
  public let totalVariance: Double

  /// - Parameters:
  ///   - embeddings: `[N, D]`.
  ///   - count: k; fewer where D is smaller.
  public init(of embeddings: Tensor, count: Int) {
    precondition(
      embeddings.rank == 2 && embeddings.size(0) > 0, "components of \(embeddings.shape)")
    let (n, width) = (embeddings.size(0), embeddings.size(1))
    let kept = min(count, width)
    let blocks = stride(from: 0, to: n, by: 8192).map { $0..<min($0 + 8192, n) }
    let result = withoutGradient { () -> (Tensor, Tensor, Tensor) in
      let sums = blocks.map { embeddings.slice($0).to(.float64).sum(0, keepingDimensions: true) }
      let mean = sums.dropFirst().reduce(sums[0], +) / Double(n)
      let products = blocks.map { rows in
        let centred = embeddings.slice(rows).to(.float64) - mean
        return centred.transposed().matmul(centred)
      }
      let covariance = products.dropFirst().reduce(products[0], +) / Double(n)
      let (values, vectors) = covariance.symmetricEigen()
      // Ascending: the last are the greatest.
      let chosen = vectors.flipped(1).slice(0..<kept, along: 1)
      let places = chosen.abs().argmax(0, keepingDimensions: true)
      let signs = chosen.gather(places, along: 0).sign()
      return (mean.to(.float32), (chosen * signs).to(.float32), values.flipped(0))
    }
    mean = result.0
    directions = result.1
    let all = result.2.array(of: Double.self).map { max($0, 0) }
    variances = Array(all.prefix(kept))
    totalVariance = all.reduce(0, +)
  }

  /// Coordinates along the directions, `[n, k]`, of embeddings `[n, D]`.
  public func callAsFunction(_ embeddings: Tensor) -> Tensor {
    withoutGradient { (embeddings.to(.float32) - mean).matmul(directions) }
  }

  /// How much of the variance each direction has, 0 to 1.
  public var shares: [Double] { variances.map { totalVariance > 0 ? $0 / totalVariance : 0 } }
}

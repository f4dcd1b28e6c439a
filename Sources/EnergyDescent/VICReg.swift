import Torch

/// Variance, invariance and covariance: the terms that keep embeddings apart without negatives.
///
///     variance   = mean_d max(0, 1 - sqrt(var_d + epsilon))
///     covariance = sum_{i != j} C_ij^2 / D,   C the covariance matrix of the embeddings
///
/// Bardes, Ponce and LeCun 2022, "VICReg", arXiv:2105.04906, equations 1 to 4 and 6.
public struct VICReg: Sendable, Equatable {
  public var invarianceWeight: Double
  public var varianceWeight: Double
  public var covarianceWeight: Double
  public var epsilon: Double

  public init(
    invarianceWeight: Double = 25, varianceWeight: Double = 25, covarianceWeight: Double = 1,
    epsilon: Double = 1e-4
  ) {
    self.invarianceWeight = invarianceWeight
    self.varianceWeight = varianceWeight
    self.covarianceWeight = covarianceWeight
    self.epsilon = epsilon
  }

  /// The hinge on each dimension's standard deviation, averaged: 0 when all are at least 1.
  ///
  /// - Parameter embeddings: `[N, D]`, N at least 2.
  public func variance(_ embeddings: Tensor) -> Tensor {
    (1 - (embeddings.variance(0) + epsilon).sqrt()).relu().mean()
  }

  /// The squared covariances between dimensions, summed and divided by D: 0 when uncorrelated.
  ///
  /// - Parameter embeddings: `[N, D]`, N at least 2.
  public func covariance(_ embeddings: Tensor) -> Tensor {
    let (count, width) = (embeddings.size(0), embeddings.size(1))
    precondition(count > 1, "the covariance of \(count) embeddings")
    let centred = embeddings - embeddings.mean(0, keepingDimensions: true)
    let matrix = centred.transposed().matmul(centred) / Double(count - 1)
    return (matrix.squared().sum() - matrix.diagonal().squared().sum()) / Double(width)
  }

  /// What keeps one set of embeddings `[N, D]` from collapsing: the weighted variance and covariance.
  public func regularizer(_ embeddings: Tensor) -> Tensor {
    variance(embeddings) * varianceWeight + covariance(embeddings) * covarianceWeight
  }

  /// The mean of `regularizer` over V sets of embeddings `[V, N, D]`.
  ///
  /// - Parameters:
  ///   - sets: `[V, N, D]`.
  ///   - shares: how the N embeddings lie on several processes, of which these are this one's; nil for one.
  public func regularizer(ofSets sets: Tensor, shares: RowShares?) -> Tensor {
    let matrices = shares.map { covariances(of: sets, $0) }
    let terms = (0..<sets.size(0)).map { index -> Tensor in
      guard let matrix = matrices?[index] else { return regularizer(sets[index]) }
      let variances = matrix.diagonal()
      let hinge = (1 - (variances + epsilon).sqrt()).relu().mean()
      let others = matrix.squared().sum() - variances.squared().sum()
      return hinge * varianceWeight + others / Double(sets.size(2)) * covarianceWeight
    }
    return terms.dropFirst().reduce(terms[0], +) / Double(terms.count)
  }

  /// The covariances of all processes' embeddings, `[V, D, D]`.
  private func covariances(of sets: Tensor, _ shares: RowShares) -> Tensor {
    precondition(shares.total > 1, "the covariance of \(shares.total) embeddings")
    let sums = sets.sum(1, keepingDimensions: true).summed(over: shares.group)
    let centred = sets - sums / Double(shares.total)
    return centred.permuted(0, 2, 1).matmul(centred).summed(over: shares.group)
      / Double(shares.total - 1)
  }

  /// The whole loss of two views' embeddings `[N, D]`; variance is averaged over the views and
  /// covariance summed, as in the paper.
  public func callAsFunction(_ first: Tensor, _ second: Tensor) -> Tensor {
    let invariance = first.meanSquaredError(second)
    let spread = (variance(first) + variance(second)) / 2
    let correlation = covariance(first) + covariance(second)
    return invariance * invarianceWeight + spread * varianceWeight
      + correlation * covarianceWeight
  }
}

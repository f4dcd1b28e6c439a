import Torch

/// The contrastive objective: each embedding must pick its partner out of the batch.
///
///     L = -mean_i log( exp(s_ii / tau) / sum_j exp(s_ij / tau) ),   s the cosine similarity
///
/// van den Oord et al. 2018, "Contrastive predictive coding", arXiv:1807.03748, equation 4; the form over
/// both views is NT-Xent of SimCLR (Chen et al. 2020, arXiv:2002.05709, equation 1).
public struct InfoNCE: Sendable, Equatable {
  public var temperature: Double

  public init(temperature: Double = 0.1) {
    precondition(temperature > 0, "an InfoNCE temperature of \(temperature)")
    self.temperature = temperature
  }

  /// Queries `[N, D]` against keys `[N, D]`: row i belongs to row i, all others are negatives.
  public func callAsFunction(_ queries: Tensor, keys: Tensor) -> Tensor {
    let similarities = Self.normalized(queries).matmul(Self.normalized(keys).transposed())
    let labels = Tensor.range(
      to: Double(queries.size(0)), dtype: .int64, device: queries.device)
    return (similarities / temperature).crossEntropy(labels)
  }

  /// NT-Xent of two views `[N, D]`: among the 2N - 1 others, each embedding must pick its other view.
  public func bothWays(_ first: Tensor, _ second: Tensor) -> Tensor {
    let count = first.size(0)
    let embeddings = Self.normalized(Tensor.concatenate([first, second]))
    let itself = Tensor.identity(2 * count, dtype: .bool, device: first.device)
    let similarities = (embeddings.matmul(embeddings.transposed()) / temperature)
      .filled(with: -.infinity, where: itself)
    let labels = Tensor.concatenate([
      Tensor.range(Double(count), to: Double(2 * count), dtype: .int64, device: first.device),
      Tensor.range(to: Double(count), dtype: .int64, device: first.device),
    ])
    return similarities.crossEntropy(labels)
  }

  /// NT-Xent of the first of V views `[V, N, D]` with each of the others, averaged.
  ///
  /// - Parameters:
  ///   - views: the same N items, V times.
  ///   - shares: how the N items lie on several processes, of which these are this one's; nil for one.
  /// - Returns: a scalar; of several processes each has its own, whose mean is that of all items.
  public func bothWays(views: Tensor, shares: RowShares?) -> Tensor {
    let others = 1..<views.size(0)
    let terms: [Tensor]
    if let shares {
      let own = Self.normalized(views, along: 2)
      let all = own.permuted(1, 0, 2).contiguous().gathered(shares)
      terms = others.map { view in
        let rows = Tensor.concatenate([own[0], own[view]])
        let columns = Tensor.concatenate([all.select(0, along: 1), all.select(view, along: 1)])
        return bothWays(rows, among: columns, shares)
      }
    } else {
      terms = others.map { bothWays(views[0], views[$0]) }
    }
    return terms.dropFirst().reduce(terms[0], +) / Double(terms.count)
  }

  /// NT-Xent of this process's rows, both views one after the other `[2n, D]`, among all processes' `[2N, D]`.
  private func bothWays(_ rows: Tensor, among columns: Tensor, _ shares: RowShares) -> Tensor {
    // The places of this process's items among the columns of either view.
    let places = [shares.offset, shares.total + shares.offset].map {
      Self.places($0..<$0 + shares.own, rows.device)
    }
    let itself =
      Tensor.concatenate(places).unsqueezed(1)
      .== Self.places(0..<2 * shares.total, rows.device).unsqueezed(0)
    let similarities = (rows.matmul(columns.transposed()) / temperature)
      .filled(with: -.infinity, where: itself)
    let losses = similarities.crossEntropy(
      Tensor.concatenate([places[1], places[0]]), reduction: .none)
    return RowShares?.some(shares).mean(of: losses)
  }

  /// What InfoNCE repels one set of embeddings `[N, D]` by: the uniformity of Wang and Isola 2020, arXiv:2005.10242.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, D]`, of any length.
  ///   - shares: as for `bothWays`.
  public func repulsion(_ embeddings: Tensor, shares: RowShares?) -> Tensor {
    let unit = Self.normalized(embeddings)
    let columns = shares.map { unit.gathered($0) } ?? unit
    let first = shares?.offset ?? 0
    let itself =
      Self.places(first..<first + unit.size(0), unit.device).unsqueezed(1)
      .== Self.places(0..<columns.size(0), unit.device).unsqueezed(0)
    let similarities = (unit.matmul(columns.transposed()) / temperature)
      .filled(with: -.infinity, where: itself)
    return shares.mean(of: similarities.logSumExp(1))
  }

  private static func places(_ range: Range<Int>, _ device: Device) -> Tensor {
    Tensor.range(
      Double(range.lowerBound), to: Double(range.upperBound), dtype: .int64, device: device)
  }

  private static func normalized(_ embeddings: Tensor, along dimension: Int = 1) -> Tensor {
    let embeddings = embeddings.inFullPrecision
    return embeddings
      / embeddings.norm(dimension, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
  }
}

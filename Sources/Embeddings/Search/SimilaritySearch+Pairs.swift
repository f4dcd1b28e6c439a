import Files
import Torch

extension SimilaritySearch {
  /// Rows below which all pairs are compared in full.
  private static let fewestForBound = 8192

  /// Calls `body` with every pair of rows that are at least so similar, the smaller row first.
  ///
  /// Of a block of rows those within it come first, then those with later rows, each time in their
  /// order: so every pair (i, j) comes after all pairs (h, i) and (h, j) with h < i.
  ///
  /// - Parameters:
  ///   - threshold: above 0.
  ///   - split: with it only pairs of a row before it and a row from it on are looked at.
  ///   - isBounded: whether short vectors say first which blocks have a pair; where there are many rows, if nil.
  ///   - progress: is told how many blocks of pairs are done.
  public func forEachPair(
    above threshold: Float, acrossRow split: Int? = nil, isBounded: Bool? = nil,
    progress: WorkProgress? = nil,
    _ body: (_ first: Int, _ second: Int, _ similarity: Float) -> Void
  ) {
    let bound =
      isBounded ?? (count >= Self.fewestForBound) ? PairBound(of: self) : nil
    let side = bound == nil ? blockRows : min(blockRows, PairBound.blockRows)
    let firsts = stride(from: 0, to: split ?? count, by: side).map {
      $0..<min($0 + side, split ?? count)
    }
    let seconds = split.map { split in
      stride(from: split, to: count, by: side).map { $0..<min($0 + side, count) }
    }
    progress?.begin(
      "comparing pairs, block",
      total: seconds.map { firsts.count * $0.count } ?? firsts.count * (firsts.count + 1) / 2)
    for (number, rows) in firsts.enumerated() {
      let directions = bound == nil ? directions(of: values.slice(rows)) : nil
      for others in seconds ?? Array(firsts[number...]) {
        if let bound {
          forEachPair(rows, others, above: threshold, bound, body)
        } else {
          let candidates = rows == others ? directions! : self.directions(of: values.slice(others))
          forEachPair(rows, others, above: threshold, directions!, candidates, body)
        }
        progress?.advance()
      }
    }
  }

  /// The pairs of two blocks of rows by all their products.
  private func forEachPair(
    _ rows: Range<Int>, _ others: Range<Int>, above threshold: Float, _ directions: Tensor,
    _ candidates: Tensor, _ body: (Int, Int, Float) -> Void
  ) {
    let (places, values) = withoutGradient { () -> ([Int64], [Float]) in
      let products = Self.products(rows, others, directions, candidates)
      // Most blocks have no pair, and a look at the greatest is cheaper than the search for all.
      guard products.max().item() >= Double(threshold) else { return ([], []) }
      let isPair = products .>= Double(threshold)
      return (
        isPair.nonzero().array(of: Int64.self),
        products.select(where: isPair).array(of: Float.self)
      )
    }
    for (pair, similarity) in values.enumerated() {
      body(
        rows.lowerBound + Int(places[2 * pair]), others.lowerBound + Int(places[2 * pair + 1]),
        similarity)
    }
  }

  /// The same, where a bound says which pairs are worth a product.
  private func forEachPair(
    _ rows: Range<Int>, _ others: Range<Int>, above threshold: Float, _ bound: PairBound,
    _ body: (Int, Int, Float) -> Void
  ) {
    let places = withoutGradient { () -> [Int64] in
      let products = Self.products(
        rows, others, bound.vectors.slice(rows), bound.vectors.slice(others))
      let least = Double(threshold) - PairBound.rounding
      guard products.max().item() >= least else { return [] }
      return (products .>= least).nonzero().array(of: Int64.self)
    }
    guard !places.isEmpty else { return }
    guard places.count / 2 <= rows.count * others.count / PairBound.worthwhileShare else {
      forEachPair(
        rows, others, above: threshold, directions(of: values.slice(rows)),
        directions(of: values.slice(others)), body)
      return
    }
    let left = stride(from: 0, to: places.count, by: 2).map { places[$0] + Int64(rows.lowerBound) }
    let right = stride(from: 1, to: places.count, by: 2).map {
      places[$0] + Int64(others.lowerBound)
    }
    let similarities = withoutGradient { () -> [Float] in
      let (one, other) = (
        directions(of: values.select(indices: Tensor(left))),
        directions(of: values.select(indices: Tensor(right)))
      )
      return (one * other).sum(1).array(of: Float.self)
    }
    for (pair, similarity) in similarities.enumerated() where similarity >= threshold {
      body(Int(left[pair]), Int(right[pair]), similarity)
    }
  }

  /// All products of two blocks; within one block those of a row with later ones, and 0 for the rest.
  private static func products(
    _ rows: Range<Int>, _ others: Range<Int>, _ left: Tensor, _ right: Tensor
  ) -> Tensor {
    let products = left.matmul(right.transposed())
    return rows == others ? products.upperTriangle(diagonal: 1) : products
  }

  /// The cosines of one row with others.
  func similarities(of row: Int, to others: [Int]) -> [Float] {
    guard !others.isEmpty else { return [] }
    return withoutGradient {
      let one = directions(of: values.slice(row..<row + 1))
      let rest = directions(of: values.select(indices: Tensor(others.map(Int64.init))))
      return (rest * one).sum(1).array(of: Float.self)
    }
  }
}

/// Short vectors whose products are nowhere below the cosines: what they exclude need not be compared in full.
///
/// Of a unit vector u the part along r orthonormal directions P is kept, and the length of the rest as one more
/// number: for v(u) = [P u, |u - P^T P u|] Cauchy and Schwarz give u w <= v(u) v(w). The directions are those
/// along which the embeddings vary most, so that the rest is short.
struct PairBound {
  /// r + 1
  private static let width = 32
  /// Rows that are compared together: their products stay in a core's cache.
  static let blockRows = 1024
  /// What rounding may take from a product of the short vectors: each of their numbers is right to about 1e-6, and so is
  /// that the directions are orthonormal.
  static let rounding = 2e-5
  /// More than one candidate in so many pairs are compared faster by all products.
  static let worthwhileShare = 64
  private static let sampleSize = 4096

  /// `[N, r + 1]`
  let vectors: Tensor

  init(of search: SimilaritySearch) {
    let (count, values) = (search.count, search.values)
    let sample = (0..<min(count, Self.sampleSize)).map {
      Int64($0 * count / min(count, Self.sampleSize))
    }
    let directions = PrincipalComponents(
      of: search.directions(of: values.select(indices: Tensor(sample))), count: Self.width - 1
    ).directions
    vectors = withoutGradient {
      Tensor.concatenate(
        stride(from: 0, to: count, by: search.blockRows).map { start in
          let units = search.directions(
            of: values.slice(start..<min(start + search.blockRows, count)))
          let kept = units.matmul(directions)
          // Not the root of 1 - |P u|^2, of whose digits little is left where the rest is short.
          let rest = (units - kept.matmul(directions.transposed())).norm(
            1, keepingDimensions: true)
          return Tensor.concatenate([kept, rest], along: 1)
        })
    }
  }
}

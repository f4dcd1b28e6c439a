import Files
import Torch

extension SimilaritySearch {
  /// Queries that are looked at together.
  private static let queryRows = 1024

  /// The nearest other rows of every row, most similar first: for each row `top` of them, or all where there are
  /// fewer.
  ///
  /// All products of two rows are taken: N^2 D multiplications.
  ///
  /// - Parameter progress: is told how many rows are done.
  func nearestOfEach(_ top: Int, progress: WorkProgress? = nil) -> [[Match]] {
    let top = min(top, count - 1)
    guard top > 0 else { return Array(repeating: [], count: count) }
    progress?.begin("comparing all pictures", total: count)
    var matches: [[Match]] = []
    for start in stride(from: 0, to: count, by: Self.queryRows) {
      let queries = start..<min(start + Self.queryRows, count)
      let best = withoutGradient { nearest(of: queries, top: top) }
      let similarities = best.values.array(of: Float.self)
      let numbers = best.rows.array(of: Int64.self)
      let width = best.values.size(1)
      for first in stride(from: 0, to: similarities.count, by: width) {
        var own: [Match] = []
        for place in first..<first + width {
          own.append(Match(row: Int(numbers[place]), similarity: min(similarities[place], 1)))
        }
        matches.append(own)
      }
      progress?.advance(by: queries.count)
    }
    return matches
  }

  /// The cosines of rows with their nearest others, most similar first, and these others' numbers.
  private struct Nearest {
    let values: Tensor
    let rows: Tensor
  }

  private func nearest(of queries: Range<Int>, top: Int) -> Nearest {
    let directions = directions(of: values.slice(queries))
    let own = Tensor.range(
      Double(queries.lowerBound), to: Double(queries.upperBound), dtype: .int64
    ).unsqueezed(1)
    var best: Nearest?
    for start in stride(from: 0, to: count, by: blockRows) {
      let others = start..<min(start + blockRows, count)
      let candidates = self.directions(of: values.slice(others))
      var products = directions.matmul(candidates.transposed())
      let numbers = Tensor.range(
        Double(others.lowerBound), to: Double(others.upperBound), dtype: .int64
      ).unsqueezed(0).expanded(queries.count, others.count)
      if queries.overlaps(others) {
        products = products.filled(with: -2, where: numbers .== own)
      }
      let found = products.top(min(top, others.count), along: 1)
      let new = Nearest(values: found.values, rows: numbers.gather(found.indices, along: 1))
      best = best.map { Self.merged($0, new, top: top) } ?? new
    }
    return best!
  }

  /// The best of two lists of the same rows.
  private static func merged(_ one: Nearest, _ other: Nearest, top: Int) -> Nearest {
    let values = Tensor.concatenate([one.values, other.values], along: 1)
    let rows = Tensor.concatenate([one.rows, other.rows], along: 1)
    let best = values.top(min(top, values.size(1)), along: 1)
    return Nearest(values: best.values, rows: rows.gather(best.indices, along: 1))
  }
}

import Files
import Torch

/// A few tokens that stand for many: greedily, each next one is the token that is farthest from those chosen.
///
/// So rare tokens are kept and frequent ones thinned out, and no token is farther from the set than any two of
/// the set are from each other: at most twice the best possible distance (Gonzalez 1985, "Clustering to minimize
/// the maximum intercluster distance"). Distances are taken between random projections, which keep them
/// (Johnson and Lindenstrauss), as PatchCore does: Roth et al. 2022, arXiv:2106.08265, section 3.2.
enum CoreSet {
  /// The dimensions that tokens are projected to while the set is chosen.
  private static let projectedWidth = 32

  /// The places of the chosen tokens, in the order of choice.
  ///
  /// - Parameters:
  ///   - tokens: float32 `[M, D]`, M at least 1.
  ///   - count: how many are wanted; where there are fewer different tokens, those.
  ///   - seed: fixes the projection and the first token.
  static func choose(_ count: Int, of tokens: Tensor, seed: UInt64) -> [Int] {
    precondition(tokens.rank == 2 && tokens.size(0) > 0 && count > 0, "\(count) of \(tokens.shape)")
    let (rows, width) = (tokens.size(0), tokens.size(1))
    guard count < rows else { return Array(0..<rows) }
    return withoutGradient {
      let generator = RandomGenerator(seed: seed)
      let points =
        width > projectedWidth
        ? tokens.matmul(
          .normal([width, projectedWidth], using: generator)
            / Double(projectedWidth).squareRoot()) : tokens
      let squares = points.squared().sum(1)
      var draw = SeededGenerator(seed: seed)
      var chosen = [draw.index(below: rows)]
      var nearest = Tensor.full([rows], .infinity)
      while true {
        let last = points[chosen[chosen.count - 1]]
        // |p - q|^2 = |p|^2 - 2 p q + |q|^2
        let distances =
          squares - points.matmul(last.unsqueezed(1)).squeezed(1) * 2 + last.squared().sum()
        nearest = nearest.minimum(distances)
        guard chosen.count < count else { return chosen }
        let farthest = nearest.argmax(0).integer()
        // What is left are copies of chosen tokens, but for rounding.
        guard nearest[farthest].item() > 1e-6 * max(1, squares[farthest].item()) else {
          return chosen
        }
        chosen.append(farthest)
      }
    }
  }
}

/// How far tokens are from the nearest of a set.
struct TokenBank {
  /// `[k, D]`
  let tokens: Tensor
  private let squares: Tensor

  /// Tokens whose distances are taken at once.
  private static let rowsAtOnce = 4096

  init(_ tokens: Tensor) {
    self.tokens = tokens
    squares = withoutGradient { tokens.squared().sum(1) }
  }

  /// The distance of each token `[M, D]` to the nearest of the set, `[M]`.
  func distances(of queries: Tensor) -> Tensor {
    withoutGradient {
      let transposed = tokens.transposed().contiguous()
      let parts = stride(from: 0, to: queries.size(0), by: Self.rowsAtOnce).map { start in
        let rows = queries.slice(start..<min(start + Self.rowsAtOnce, queries.size(0)))
        let products = rows.matmul(transposed) * 2
        let nearest = (squares.unsqueezed(0) - products).min(1)
        return (nearest + rows.squared().sum(1)).clamped(to: 0...(.infinity)).sqrt()
      }
      return Tensor.concatenate(parts)
    }
  }
}

import Embeddings
import Files
import Torch

/// A few tokens that stand for many: `FarthestPoints`, from a random one.
///
/// Distances are taken between random projections, which keep them (Johnson and Lindenstrauss), as PatchCore does:
/// Roth et al. 2022, arXiv:2106.08265, section 3.2.
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
    let points = withoutGradient {
      width > projectedWidth
        ? tokens.matmul(
          .normal([width, projectedWidth], using: RandomGenerator(seed: seed))
            / Double(projectedWidth).squareRoot()) : tokens
    }
    var draw = SeededGenerator(seed: seed)
    return FarthestPoints(count, of: points, from: draw.index(below: rows)).chosen
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

import Torch

/// A few points that stand for many: greedily, each next one is the point that is farthest from those chosen.
///
/// So rare points are kept and frequent ones thinned out, and no point is farther from the set than any two of
/// the set are from each other: at most twice the best possible distance (Gonzalez 1985, "Clustering to minimize
/// the maximum intercluster distance").
package struct FarthestPoints {
  /// The rows of the chosen points, in the order of choice.
  package private(set) var chosen: [Int] = []
  /// How far each chosen point was from those before it when it was chosen; infinite for the first.
  package private(set) var distances: [Double] = []
  /// How far the farthest point of all is from the chosen ones, but for rounding; 0 where only copies are left.
  package private(set) var radius = 0.0

  /// What rounding may leave of the squared distance of equal points, as a share of their squared length, at a few thousand
  /// dimensions: points nearer than .003 of their length are taken for copies.
  private static let rounding = 1e-5

  /// - Parameters:
  ///   - count: how many are wanted; where there are fewer different points, those.
  ///   - points: float32 `[M, D]`, M at least 1.
  ///   - first: the row that is chosen first. Of points that are equally far the first row is chosen.
  ///   - progress: is told of each.
  package init(_ count: Int, of points: Tensor, from first: Int, progress: () -> Void = {}) {
    precondition(points.rank == 2 && count > 0, "\(count) of \(points.shape)")
    withoutGradient {
      let squares = points.squared().sum(1)
      var nearest = Tensor.full([points.size(0)], .infinity)
      var (next, square) = (first, Double.infinity)
      while true {
        chosen.append(next)
        distances.append(square.squareRoot())
        progress()
        let last = points[next]
        // |p - q|^2 = |p|^2 - 2 p q + |q|^2
        let all = squares - points.matmul(last.unsqueezed(1)).squeezed(1) * 2 + last.squared().sum()
        nearest = nearest.minimum(all)
        next = nearest.argmax(0).integer()
        square = max(0, nearest[next].item())
        // What is left are copies of chosen points, but for rounding.
        let isNew = square > Self.rounding * max(1, squares[next].item())
        guard chosen.count < count, isNew else {
          radius = isNew ? square.squareRoot() : 0
          return
        }
      }
    }
  }
}

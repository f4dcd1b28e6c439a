import Torch

/// Mean and spread of a number at each place of the grid, over clean pictures: the middle of a picture is less
/// predictable than its edges.
///
/// Where pictures are few, each place leans on all places together: as though `strength` more pictures had been
/// seen that have the same numbers everywhere.
struct PlaceMoments {
  /// `[N]`
  let mean: Tensor
  /// `[N]`, above 0.
  let deviation: Tensor

  private static let strength = 10.0

  /// - Parameter maps: `[n, N]`, one row a clean picture.
  init(of maps: Tensor) {
    let exact = maps.to(.float64)
    let moments = Self.moments(
      exact.sum(0, keepingDimensions: true), exact.squared().sum(0, keepingDimensions: true),
      count: maps.size(0))
    mean = moments.mean.squeezed(0).to(.float32)
    deviation = moments.deviation.squeezed(0).to(.float32)
  }

  init(mean: Tensor, deviation: Tensor) {
    self.mean = mean
    self.deviation = deviation
  }

  /// Maps `[n, N]` in deviations from the mean of their places.
  func callAsFunction(_ maps: Tensor) -> Tensor {
    withoutGradient { (maps - mean) / deviation }
  }

  /// The clean pictures' own maps, each by the moments of all the others: as a new picture would be.
  static func leavingOneOut(_ maps: Tensor) -> Tensor {
    withoutGradient {
      let exact = maps.to(.float64)
      let squares = exact.squared()
      let (mean, deviation) = moments(
        exact.sum(0, keepingDimensions: true) - exact,
        squares.sum(0, keepingDimensions: true) - squares, count: max(1, maps.size(0) - 1))
      return ((exact - mean) / deviation).to(.float32)
    }
  }

  /// From sums over pictures, `[n, N]` or `[1, N]`.
  private static func moments(
    _ sums: Tensor, _ squares: Tensor, count: Int
  ) -> (mean: Tensor, deviation: Tensor) {
    withoutGradient {
      let (all, n) = (Double(count), strength)
      let overall = sums.mean(1, keepingDimensions: true) / all
      let mean = (sums + overall * n) / (all + n)
      // About the mean of the place that was settled on.
      let spread = squares - sums * mean * 2 + mean.squared() * all
      let everywhere = spread.mean(1, keepingDimensions: true) / all
      let variance = (spread + everywhere * n) / (all + n)
      return (mean, variance.clamped(to: 1e-12...(.infinity)).sqrt())
    }
  }
}

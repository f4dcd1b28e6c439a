import Torch

/// How much each token of pictures stands out, in deviations from what is usual at its place.
package struct TokenMaps {
  /// By the errors of predictions, `[n, N]`; nil where nothing is predicted.
  package let energies: Tensor?
  /// By the distance to the nearest clean token, `[n, N]`.
  package let distances: Tensor

  /// How many of a picture's tokens make its score: the mean of the three that stand out most. One is at the mercy
  /// of noise, and a defect touches several.
  static let tokensOfScore = 3

  /// A picture's score by one map: the mean of its greatest values, `[n]`.
  static func scores(of maps: Tensor) -> [Double] {
    withoutGradient {
      maps.top(min(tokensOfScore, maps.size(1)), along: 1).values.mean(1).to(.float64)
        .array(of: Double.self)
    }
  }
}

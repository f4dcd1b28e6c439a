import Torch

/// Reads the tokens of a middle layer off what the model predicts of them and off what is seen around them, and says
/// how large the errors are.
///
///     t' = A p + B [t up, t down, t left, t right] + c          energy: |W (t - t')|^2 / D
///
/// p is the trained predictor's prediction, made without the token and its block; t are the tokens a block's side
/// away. The model predicts tokens of its last layer, which are smooth: what is read off are those of a middle layer,
/// in which small defects stand out. A, B and c are ridge regression on clean pictures, W whitens its errors there.
struct TokenReadout {
  let predictions: TokenWhitening
  /// `[4 D + P + 1, D]`
  let weight: Tensor
  let errors: TokenWhitening

  /// What is added to the diagonal of the features' covariance.
  private static let ridge = 0.1
  /// Pictures whose features are held at once.
  private static let picturesAtOnce = 64

  /// - Parameters:
  ///   - tokens: of clean pictures, whitened, `[n, N, D]`; N is a square number.
  ///   - predictions: `[n, N, P]`.
  init(tokens: Tensor, predictions: Tensor) {
    let whitening = TokenWhitening(of: predictions.flattened(0, 1), floor: TokenFit.floor)
    self.predictions = whitening
    let (count, width) = (tokens.size(0), tokens.size(2))
    let pieces = stride(from: 0, to: count, by: Self.picturesAtOnce).map {
      $0..<min($0 + Self.picturesAtOnce, count)
    }
    let weight = withoutGradient {
      let inputs = 4 * width + predictions.size(2) + 1
      var products = Tensor.zeros([inputs, inputs], dtype: .float64)
      var targets = Tensor.zeros([inputs, width], dtype: .float64)
      for piece in pieces {
        let features = Self.features(
          tokens: tokens.slice(piece), predictions: whitening(predictions.slice(piece))
        ).flattened(0, 1)
        let transposed = features.transposed()
        products = products + transposed.matmul(features).to(.float64)
        targets = targets + transposed.matmul(tokens.slice(piece).flattened(0, 1)).to(.float64)
      }
      let rows = Double(count * tokens.size(1))
      let regularized = products / rows + Tensor.identity(inputs, dtype: .float64) * Self.ridge
      return regularized.positiveDefiniteInverse().matmul(targets / rows).to(.float32)
    }
    self.weight = weight
    let left = pieces.map { piece in
      Self.left(
        of: tokens.slice(piece), predictions: whitening(predictions.slice(piece)), weight: weight)
    }
    errors = TokenWhitening(of: Tensor.concatenate(left).flattened(0, 1), floor: TokenFit.floor)
  }

  init(predictions: TokenWhitening, weight: Tensor, errors: TokenWhitening) {
    self.predictions = predictions
    self.weight = weight
    self.errors = errors
  }

  /// The whitened errors of tokens `[n, N, D]`, which are whitened, `[n, N, D]`.
  func errors(of tokens: Tensor, predictions: Tensor) -> Tensor {
    errors(Self.left(of: tokens, predictions: self.predictions(predictions), weight: weight))
  }

  private static func left(of tokens: Tensor, predictions: Tensor, weight: Tensor) -> Tensor {
    withoutGradient {
      tokens - features(tokens: tokens, predictions: predictions).matmul(weight)
    }
  }

  /// `[n, N, 4 D + P + 1]`.
  private static func features(tokens: Tensor, predictions: Tensor) -> Tensor {
    withoutGradient {
      let (count, places) = (tokens.size(0), tokens.size(1))
      let side = Int(Double(places).squareRoot().rounded())
      precondition(side * side == places, "\(places) tokens are no square")
      // A block's side away; over the edge it is the token at the edge.
      let reach = max(1, side / 4)
      func moved(_ down: Int, _ right: Int) -> Tensor {
        let indices = (0..<places).map { place -> Int64 in
          let row = min(max(place / side + down, 0), side - 1)
          let column = min(max(place % side + right, 0), side - 1)
          return Int64(row * side + column)
        }
        return tokens.select(indices: Tensor(indices), along: 1)
      }
      return Tensor.concatenate(
        [
          moved(-reach, 0), moved(reach, 0), moved(0, -reach), moved(0, reach), predictions,
          Tensor.ones([count, places, 1]),
        ], along: 2)
    }
  }
}

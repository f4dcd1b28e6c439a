import Foundation
import Torch

/// How the tokens of a picture become one embedding.
public enum Pooling: String, Codable, Sendable, CaseIterable {
  /// The mean over all tokens.
  case mean
  /// The greatest value over all tokens, dimension by dimension.
  case max
  /// The mean token asks, and all tokens answer: what attention to a class token would be, without one.
  case attention
  /// No pooling: every token is kept.
  case none

  /// Pools tokens `[B, N, D]`.
  ///
  ///     mean: z = 1/N sum_i t_i        max: z_d = max_i t_id
  ///     attention: z = sum_i a_i t_i, a = softmax_i(t_i . q / sqrt(D)), q = 1/N sum_i t_i
  ///
  /// - Returns: `[B, D]`, or `[B, N, D]` for `none`.
  public func callAsFunction(_ tokens: Tensor) -> Tensor {
    switch self {
    case .mean: return tokens.mean(1)
    case .max: return tokens.max(1)
    case .attention:
      let query = tokens.mean(1, keepingDimensions: true)
      let scores = (tokens * query).sum(-1) * (1 / Double(tokens.size(2)).squareRoot())
      return (scores.softmax(1).unsqueezed(-1) * tokens).sum(1)
    case .none: return tokens
    }
  }
}

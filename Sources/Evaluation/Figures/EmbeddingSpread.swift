import Embeddings
import EnergyDescent
import Files
import Torch

/// How much of its space a set of embeddings fills; both figures fall when a model collapses.
public struct EmbeddingSpread: Equatable, Sendable, Codable {
  /// The effective number of dimensions, 1 to min(N, D).
  public let rankMe: Double
  /// The greatest that it can be: min(N, D).
  public let rankMeBound: Int
  /// The mean over dimensions of the standard deviation over items.
  public let meanDeviation: Double
  /// The least of those standard deviations.
  public let leastDeviation: Double
  /// The share of dimensions whose standard deviation is below one hundredth of the mean one.
  public let deadShare: Double

  /// Measures embeddings.
  ///
  /// - Throws: `InputError.tooFewItems` below two items.
  public init(of table: EmbeddingTable) throws {
    rankMe = try Self.rankMe(of: table.embeddings)
    rankMeBound = min(table.count, table.width)
    let deviations = Self.deviations(of: table.embeddings)
    let mean = deviations.reduce(0, +) / Double(deviations.count)
    meanDeviation = mean
    leastDeviation = deviations.min()!
    deadShare =
      Double(deviations.count { $0 <= 0.01 * mean }) / Double(deviations.count)
  }

  /// RankMe of embeddings that may be too few for it; see `RankMe`.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, D]`, finite.
  ///   - epsilon: what keeps the logarithm finite.
  /// - Returns: 1 for embeddings on one line, up to min(N, D).
  /// - Throws: `InputError.tooFewItems` below two items, `.notAMatrix`.
  public static func rankMe(
    of embeddings: Tensor, epsilon: Double = 1e-7
  ) throws -> Double {
    guard embeddings.rank == 2 else { throw EmbeddingError.notAMatrix(shape: embeddings.shape) }
    guard embeddings.size(0) >= 2 else {
      throw InputError.tooFewItems(purpose: "RankMe", needed: 2, found: embeddings.size(0))
    }
    return RankMe.of(embeddings, epsilon: epsilon)
  }

  /// The standard deviation of each dimension over the items (divided by N).
  ///
  /// - Parameter embeddings: `[N, D]`, N at least 1.
  public static func deviations(of embeddings: Tensor) -> [Double] {
    withoutGradient {
      embeddings.detached().to(.float64, device: .cpu).variance(0, correction: 0).sqrt()
        .array(of: Double.self)
    }
  }
}

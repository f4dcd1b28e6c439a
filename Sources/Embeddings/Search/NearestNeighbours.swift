import Files
import Foundation
import Torch

/// Classification by the classes of the most similar embeddings, and those neighbours themselves.
///
/// A query x gets the class with the greatest sum of exp(s / temperature) over its k nearest
/// items, where s is the cosine of the two embeddings after the items' mean is subtracted from both.
/// Without the subtraction the mean, which all raw pixels share, dominates every cosine, and pixels
/// look worse than they are: whatever is compared here is centred in the same way.
///
/// Reference: Wu et al. 2018, "Unsupervised feature learning via non-parametric instance
/// discrimination", arXiv:1805.01978, section 3.4 (there without centring, k = 200).
public struct NearestNeighbours: Sendable {
  /// The neighbours of each query, most similar first.
  public struct Matches: Equatable, Sendable {
    /// For each query the rows of its neighbours.
    public let indices: [[Int]]
    /// For each query the cosines with its neighbours, -1 to 1.
    public let similarities: [[Float]]
  }

  /// The number of neighbours that vote.
  public let k: Int
  /// How fast a vote falls with distance; smaller is faster.
  public let temperature: Double

  private let items: EmbeddingTable
  private let mean: Tensor
  private let directions: Tensor

  // So many similarities are held at a time: 64 MB.
  private static let blockElements = 1 << 24

  /// Prepares a set of labelled items to be searched.
  ///
  /// - Parameters:
  ///   - items: the items that vote (the training set).
  ///   - k: the number of neighbours.
  ///   - temperature: above 0.
  /// - Throws: `InputError.invalidSetting`; `.tooFewItems` where `items` has fewer than `k`.
  public init(
    among items: EmbeddingTable, k: Int = 20, temperature: Double = 0.07
  ) throws {
    guard k >= 1 else {
      throw InputError.invalidSetting(name: "k", expected: "1 or more", found: "\(k)")
    }
    guard temperature > 0 else {
      throw InputError.invalidSetting(
        name: "temperature", expected: "above 0", found: "\(temperature)")
    }
    guard items.count >= k else {
      throw InputError.tooFewItems(purpose: "kNN with k = \(k)", needed: k, found: items.count)
    }
    self.k = k
    self.temperature = temperature
    self.items = items
    mean = items.embeddings.mean(0, keepingDimensions: true)
    directions = Self.directions(of: items.embeddings, from: mean)
  }

  /// The nearest items of each query, exactly.
  ///
  /// - Parameter queries: embeddings of the same width; they may be those of the items themselves,
  ///   and then each is its own nearest neighbour.
  /// - Throws: `EmbeddingError.widthMismatch`.
  public func neighbours(of queries: EmbeddingTable) throws -> Matches {
    try queries.requireWidth(of: items)
    return matches(
      of: Self.directions(of: queries.embeddings, from: mean), count: k, excludingSelf: false)
  }

  /// The nearest other items of each item.
  ///
  /// - Throws: `InputError.tooFewItems` where there are not k others.
  public func neighboursWithinItems() throws -> Matches {
    guard items.count > k else {
      throw InputError.tooFewItems(
        purpose: "leave-one-out kNN with k = \(k)", needed: k + 1, found: items.count)
    }
    return matches(of: directions, count: k, excludingSelf: true)
  }

  /// The class of each query by the weighted vote; of equal sums the lowest label.
  ///
  /// - Throws: `EmbeddingError.widthMismatch`.
  public func classify(_ queries: EmbeddingTable) throws -> [Int] {
    vote(try neighbours(of: queries))
  }

  /// The share of queries whose class is found, 0 to 1.
  ///
  /// - Throws: `EmbeddingError.widthMismatch`; `.tooFewItems` without queries; `.tooFewClasses`
  ///   where all items are of one class.
  public func top1(on queries: EmbeddingTable) throws -> Double {
    try items.requireClasses()
    return try share(of: try classify(queries), equalTo: queries.labels)
  }

  private static func directions(of embeddings: Tensor, from mean: Tensor) -> Tensor {
    withoutGradient {
      let centred = embeddings - mean
      // An embedding equal to the mean has no direction: its cosines are 0.
      return centred / centred.norm(1, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
    }
  }

  private func matches(of queries: Tensor, count: Int, excludingSelf: Bool) -> Matches {
    withoutGradient {
      let blockRows = max(1, Self.blockElements / items.count)
      let transposed = directions.transposed()
      var indices: [[Int]] = []
      var similarities: [[Float]] = []
      for start in stride(from: 0, to: queries.size(0), by: blockRows) {
        let rows = start..<min(start + blockRows, queries.size(0))
        var cosines = queries.slice(rows).matmul(transposed)
        if excludingSelf {
          let own = Tensor.range(
            Double(rows.lowerBound), to: Double(rows.upperBound), dtype: .int64
          ).unsqueezed(1)
          cosines = cosines.scattered(
            Tensor.full([rows.count, 1], -.infinity), at: own, along: 1)
        }
        let top = cosines.top(count, along: 1)
        let flatIndices = top.indices.array(of: Int64.self)
        let flatValues = top.values.array(of: Float.self)
        for first in stride(from: 0, to: flatIndices.count, by: count) {
          indices.append(flatIndices[first..<first + count].map(Int.init))
          similarities.append(Array(flatValues[first..<first + count]))
        }
      }
      return Matches(indices: indices, similarities: similarities)
    }
  }

  private func vote(_ matches: Matches) -> [Int] {
    let classCount = items.classCount
    return zip(matches.indices, matches.similarities).map { rows, similarities in
      var votes = [Double](repeating: 0, count: classCount)
      // Only ratios of votes matter: relative to the nearest one, none overflows.
      let greatest = Double(similarities[0])
      for (row, similarity) in zip(rows, similarities) {
        votes[items.labels[row]] += exp((Double(similarity) - greatest) / temperature)
      }
      return votes.firstIndex(of: votes.max()!)!
    }
  }
}

/// The share of predictions that are right, 0 to 1.
///
/// - Throws: `InputError.tooFewItems` where there is none.
package func share(of predictions: [Int], equalTo labels: [Int]) throws -> Double {
  try share(of: zip(predictions, labels).map { $0 == $1 })
}

/// The share of what is right, 0 to 1.
///
/// - Throws: `InputError.tooFewItems` where there is none.
package func share(of isRight: [Bool]) throws -> Double {
  guard !isRight.isEmpty else {
    throw InputError.tooFewItems(purpose: "an accuracy", needed: 1, found: 0)
  }
  return Double(isRight.count { $0 }) / Double(isRight.count)
}

import Files
import Foundation
import Torch

/// Exact search among embeddings, by cosine after a mean is subtracted: that of all, where nothing else
/// is asked for.
///
/// The mean is what all pictures share; without the subtraction it dominates every cosine, and a threshold
/// would mean something else for each model. Rows are looked at in blocks, so that memory beyond the file's
/// own pages is bounded: a search among N rows of width D costs N D multiplications for each query, and all
/// pairs cost N^2 / 2 products of short vectors (`PairBound`). For millions of rows an approximate index
/// would be the tool.
public struct SimilaritySearch: Sendable {
  /// A row and how similar it is, -1 to 1.
  public struct Match: Equatable, Sendable, Codable {
    public let row: Int
    public let similarity: Float
  }

  /// The number of rows, N.
  public let count: Int
  let values: Tensor
  /// `[1, D]`
  private let mean: Tensor
  /// Whether a mean is subtracted.
  public let isCentred: Bool
  let blockRows: Int

  /// - Parameters:
  ///   - values: `[N, D]`, float32 or float16.
  ///   - blockRows: rows that are looked at together.
  public init(_ values: Tensor, blockRows: Int = 4096) {
    let starts = stride(from: 0, to: values.size(0), by: blockRows)
    let mean = withoutGradient {
      let sums = starts.map { start in
        values.slice(start..<min(start + blockRows, values.size(0))).to(.float64).sum(0)
      }
      let total = sums.dropFirst().reduce(sums[0], +)
      return (total / Double(values.size(0))).to(.float32).unsqueezed(0)
    }
    // A row alone is its own mean, from which it has no direction.
    self.init(values, mean: values.size(0) > 1 ? mean : nil, blockRows: blockRows)
  }

  /// A search about a given mean, `[1, D]`; nil subtracts nothing.
  init(_ values: Tensor, mean: Tensor?, blockRows: Int = 4096) {
    precondition(
      values.rank == 2 && values.size(0) > 0 && blockRows > 0, "a search among \(values.shape)")
    self.values = values
    self.blockRows = blockRows
    count = values.size(0)
    isCentred = mean != nil
    self.mean = mean ?? Tensor.zeros([1, values.size(1)])
  }

  /// A search among other rows of the same width, about the same mean.
  func among(_ values: Tensor) -> SimilaritySearch {
    SimilaritySearch(values, mean: isCentred ? mean : nil, blockRows: blockRows)
  }

  /// The unit vectors that cosines are products of, `[n, D]`.
  ///
  /// - Parameter embeddings: `[n, D]` of the same model.
  public func directions(of embeddings: Tensor) -> Tensor {
    withoutGradient {
      let centred = embeddings.to(.float32) - mean
      // An embedding equal to the mean has no direction: its cosines are 0.
      return centred / centred.norm(1, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
    }
  }

  private func block(_ start: Int) -> (rows: Range<Int>, directions: Tensor) {
    let rows = start..<min(start + blockRows, count)
    return (rows, directions(of: values.slice(rows)))
  }

  /// The most similar rows of each query, most similar first; of equal ones the first row first.
  ///
  /// - Parameters:
  ///   - queries: embeddings `[Q, D]`.
  ///   - top: how many, at most.
  ///   - excluded: for each query a row that is left out, such as the query itself.
  public func nearest(
    to queries: Tensor, top: Int, excluding excluded: [Int?]? = nil
  ) -> [[Match]] {
    let directions = directions(of: queries)
    let wanted = top + (excluded == nil ? 0 : 1)
    var matches = [[Match]](repeating: [], count: queries.size(0))
    for start in stride(from: 0, to: count, by: blockRows) {
      let (rows, candidates) = block(start)
      let (values, indices) = withoutGradient {
        directions.matmul(candidates.transposed()).top(min(wanted, rows.count), along: 1)
      }
      let kept = values.size(1)
      let (similarities, places) = (
        values.array(of: Float.self), indices.array(of: Int64.self).map(Int.init)
      )
      for query in matches.indices {
        for place in query * kept..<(query + 1) * kept {
          let row = rows.lowerBound + places[place]
          guard excluded?[query] != row else { continue }
          matches[query].append(Match(row: row, similarity: similarities[place]))
        }
        matches[query].sort {
          $0.similarity == $1.similarity ? $0.row < $1.row : $0.similarity > $1.similarity
        }
        matches[query] = Array(matches[query].prefix(top))
      }
    }
    return matches
  }
}

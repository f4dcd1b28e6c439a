import Files
import Foundation
import Torch

/// Pictures that are nearly the same: stars, each a row that is kept and the rows that are near it.
///
/// Rows are gone through in the file's order. One that belongs to no group yet is kept, and takes every
/// later row of none whose cosine with it is `threshold` or more. So each copy is near the one that is
/// kept, and no chain of small changes joins pictures that are far apart.
public struct DuplicateGroups: Sendable {
  /// Rows that belong together, two at least.
  public struct Group: Equatable, Sendable {
    /// In the file's order; the first is the one that is kept.
    public let rows: [Int]
    /// How similar each row is to the first, which is 1 to itself.
    public let similarities: [Float]
  }

  /// What cosine makes two pictures near-duplicates where nothing is said: with a small encoder trained on
  /// other pictures, 99 % of copies at half the size or of JPEG quality 30 are above it, 91 % of those that
  /// lost 2 % at each edge, and of 300 different photographs 0.7 % of the nearest ones.
  public static let defaultThreshold: Float = 0.97

  /// How many times nearer to 1 the cosine must be where no mean is subtracted: with the same encoder,
  /// 99 % of copies at half the size or of JPEG quality 50 are above 0.998, and none of 200 different
  /// photographs of clothes is.
  private static let uncentredStrictness: Float = 15

  /// What rounding takes from the cosine of a row with its equal.
  private static let rounding: Float = 2e-6

  public let threshold: Float
  public let rowCount: Int
  /// The largest first; of equal sizes the one with the first row first.
  public let groups: [Group]

  /// Finds the groups.
  ///
  /// - Parameters:
  ///   - threshold: the least cosine about the mean; where the search subtracts none, what stands for it.
  ///   - progress: is told of the work.
  /// - Throws: `InputError.invalidSetting` for a threshold that is not within 0…1.
  public init(
    among search: SimilaritySearch, threshold: Float = defaultThreshold,
    progress: WorkProgress? = nil
  ) throws {
    guard threshold > 0, threshold <= 1 else {
      throw InputError.invalidSetting(
        name: "threshold", expected: "above 0, at most 1", found: "\(threshold)")
    }
    self.threshold = threshold
    rowCount = search.count
    let stars = Stars(
      among: search, threshold: Self.least(threshold, isCentred: search.isCentred),
      progress: progress)
    groups = stars.groups.sorted {
      $0.rows.count == $1.rows.count ? $0.rows[0] < $1.rows[0] : $0.rows.count > $1.rows.count
    }
  }

  fileprivate static func least(_ threshold: Float, isCentred: Bool) -> Float {
    (isCentred ? threshold : 1 - (1 - threshold) / uncentredStrictness) - rounding
  }

  /// How many rows could be removed so that one of each group is left.
  public var surplusCount: Int { groups.reduce(0) { $0 + $1.rows.count - 1 } }
}

/// Which row each row is a copy of.
private struct Stars {
  /// The row that is kept for each row: itself, where it is no copy.
  private(set) var kept: [Int]
  private var similarities: [Float]

  init(among search: SimilaritySearch, threshold: Float, progress: WorkProgress? = nil) {
    kept = Array(0..<search.count)
    similarities = Array(repeating: 1, count: search.count)
    // Pairs come in an order in which all that decides on a row comes before its own pairs.
    search.forEachPair(above: threshold, progress: progress) { first, second, similarity in
      guard kept[first] == first, kept[second] == second else { return }
      kept[second] = first
      similarities[second] = min(similarity, 1)
    }
  }

  var groups: [DuplicateGroups.Group] {
    var members: [Int: [Int]] = [:]
    for (row, kept) in kept.enumerated() where kept != row {
      members[kept, default: []].append(row)
    }
    return members.map { kept, copies in
      DuplicateGroups.Group(
        rows: [kept] + copies, similarities: [1] + copies.map { similarities[$0] })
    }
  }
}

extension SimilaritySearch {
  /// Fewer different pictures have no mean worth subtracting: it is made of the pictures themselves.
  private static let fewestForMean = 8
  /// Rows among which copies are looked for before the mean is taken.
  private static let sampleSize = 4096

  /// A search for copies: about the mean of different pictures, which copies do not draw to themselves;
  /// without a mean where there are too few.
  ///
  /// - Parameters:
  ///   - values: `[N, D]`.
  ///   - threshold: the least cosine of near-duplicates.
  public static func forCopies(among values: Tensor, threshold: Float) -> SimilaritySearch {
    let count = values.size(0)
    let sample = (0..<min(count, sampleSize)).map { $0 * count / min(count, sampleSize) }
    for rows in count > sampleSize ? [sample, Array(0..<count)] : [sample] {
      let chosen = values.select(indices: Tensor(rows.map(Int64.init)))
      let different = Stars(
        among: SimilaritySearch(chosen, mean: nil),
        threshold: DuplicateGroups.least(threshold, isCentred: false)
      ).kept.enumerated().filter { $0.offset == $0.element }
      guard different.count >= fewestForMean else { continue }
      let mean = withoutGradient {
        chosen.select(indices: Tensor(different.map { Int64($0.offset) }))
          .to(.float64).mean(0, keepingDimensions: true).to(.float32)
      }
      return SimilaritySearch(values, mean: mean)
    }
    return SimilaritySearch(values, mean: nil)
  }
}

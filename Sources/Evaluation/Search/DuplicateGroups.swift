import Foundation
import Torch
import TrainingRuns

/// Pictures that are nearly the same: rows joined by pairs that are at least so similar.
public struct DuplicateGroups: Sendable {
  /// Rows that belong together, two at least.
  public struct Group: Equatable, Sendable {
    /// In the file's order.
    public let rows: [Int]
    /// For each row how similar it is to the most similar other one of the group.
    public let similarities: [Float]
  }

  /// What cosine makes two pictures near-duplicates where nothing is said: with a small encoder trained on
  /// other pictures, 99 % of copies at half the size or of JPEG quality 30 are above it, 91 % of those that
  /// lost 2 % at each edge, and of 300 different photographs 0.7 % of the nearest ones.
  public static let defaultThreshold: Float = 0.97

  public let threshold: Float
  public let rowCount: Int
  /// The largest first; of equal sizes the one with the first row first.
  public let groups: [Group]

  /// Finds the groups: connected components of the pairs whose cosine is `threshold` or more.
  ///
  /// - Throws: `EvaluationError.invalidSetting` for a threshold that is not within 0…1.
  public init(
    among search: SimilaritySearch, threshold: Float = defaultThreshold,
    progress: WorkProgress? = nil
  ) throws(EvaluationError) {
    guard threshold > 0, threshold <= 1 else {
      throw .invalidSetting(
        name: "threshold", expected: "above 0, at most 1", found: "\(threshold)")
    }
    self.threshold = threshold
    rowCount = search.count
    var sets = DisjointSets(search.count)
    var greatest = [Float](repeating: 0, count: search.count)
    search.forEachPair(above: threshold, progress: progress) { first, second, similarity in
      sets.join(first, second)
      greatest[first] = max(greatest[first], similarity)
      greatest[second] = max(greatest[second], similarity)
    }
    var members: [Int: [Int]] = [:]
    for row in 0..<search.count where greatest[row] > 0 {
      members[sets.representative(of: row), default: []].append(row)
    }
    groups = members.values.map { rows in
      Group(rows: rows, similarities: rows.map { min(greatest[$0], 1) })
    }.sorted {
      $0.rows.count == $1.rows.count ? $0.rows[0] < $1.rows[0] : $0.rows.count > $1.rows.count
    }
  }

  /// How many rows could be removed so that one of each group is left.
  public var surplusCount: Int { groups.reduce(0) { $0 + $1.rows.count - 1 } }
}

/// Sets that are joined and never parted: union by size, paths halved.
///
/// Reference: Tarjan and van Leeuwen 1984, "Worst-case analysis of set union algorithms".
struct DisjointSets {
  private var parents: [Int]
  private var sizes: [Int]

  init(_ count: Int) {
    parents = Array(0..<count)
    sizes = Array(repeating: 1, count: count)
  }

  mutating func representative(of element: Int) -> Int {
    var element = element
    while parents[element] != element {
      parents[element] = parents[parents[element]]
      element = parents[element]
    }
    return element
  }

  mutating func join(_ first: Int, _ second: Int) {
    var (large, small) = (representative(of: first), representative(of: second))
    guard large != small else { return }
    if sizes[large] < sizes[small] { swap(&large, &small) }
    parents[small] = large
    sizes[large] += sizes[small]
  }
}

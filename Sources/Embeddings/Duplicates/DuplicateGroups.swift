import Files
import Foundation
import Torch

/// Pictures that are nearly the same: groups of rows, each with the one that is kept.
public struct DuplicateGroups: Sendable {
  /// What makes rows a group.
  public enum Link: String, CaseIterable, Codable, Sendable {
    /// Each is near the one that is kept. The best row of all is kept first and takes those near it, then the best
    /// of what is left, and so on: no chain of small changes joins pictures that are far apart.
    case star
    /// Each is near each other one: whichever is kept, the rest are copies of it.
    case complete
    /// Each is near some other one, so that chains join pictures that are far apart.
    case single
  }

  /// Rows that belong together, two at least.
  public struct Group: Equatable, Sendable {
    /// The one that is kept, then the others in their order.
    public let rows: [Int]
    /// How similar each row is to the first, which is 1 to itself.
    public let similarities: [Float]
    /// Whether each row is near the first itself, and not only near others of the group.
    public let isNear: [Bool]
    /// How well the picture of each row agrees with the first's; nil where they were not compared.
    public let agreements: [Float?]

    /// A group of which each row is near the first, where nothing else is said.
    init(
      rows: [Int], similarities: [Float], isNear: [Bool]? = nil, agreements: [Float?]? = nil
    ) {
      self.rows = rows
      self.similarities = similarities
      self.isNear = isNear ?? Array(repeating: true, count: rows.count)
      self.agreements = agreements ?? Array(repeating: nil, count: rows.count)
    }
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
  /// The largest first; of equal sizes the one with the first kept row first.
  public let groups: [Group]

  /// Finds the groups.
  ///
  /// - Parameters:
  ///   - threshold: the least cosine about the mean; where the search subtracts none, what stands for it.
  ///   - preference: is given the rows that have a near one, in their order, and returns them with the best first,
  ///     which are kept; nil prefers each row to later ones.
  ///   - progress: is told of the work.
  /// - Throws: `InputError.invalidSetting` for a threshold that is not within 0…1; `EmbeddingError.tooManyPairs`;
  ///   what `preference` throws.
  public init(
    among search: SimilaritySearch, threshold: Float = defaultThreshold, link: Link = .star,
    preference: (([Int]) throws -> [Int])? = nil, progress: WorkProgress? = nil
  ) throws {
    try Self.check(threshold)
    let least = Self.least(threshold, isCentred: search.isCentred)
    var groups: [Group]
    if link == .star, preference == nil {
      groups = Stars(among: search, threshold: least, progress: progress).groups
    } else {
      let pairs = try NearPairs(
        among: search, threshold: least, said: threshold, progress: progress)
      let best = try preference?(pairs.rows) ?? pairs.rows
      groups =
        switch link {
        case .star: pairs.stars(preferring: best, count: search.count)
        case .complete: pairs.linked(pairs.completeLinkage(), preferring: best, among: search)
        case .single: pairs.linked(pairs.singleLinkage(), preferring: best, among: search)
        }
    }
    self.init(threshold: threshold, rowCount: search.count, groups: groups)
  }

  /// Finds for each row from `split` on the most similar of those before it; such a one is kept, with all whose
  /// nearest it is.
  ///
  /// - Throws: `InputError.invalidSetting` for a threshold that is not within 0…1.
  init(
    among search: SimilaritySearch, acrossRow split: Int, threshold: Float,
    progress: WorkProgress? = nil
  ) throws {
    try Self.check(threshold)
    var nearest: [Int: (kept: Int, similarity: Float)] = [:]
    search.forEachPair(
      above: Self.least(threshold, isCentred: search.isCentred), acrossRow: split,
      progress: progress
    ) { first, second, similarity in
      if let known = nearest[second],
        (known.similarity, first) >= (similarity, known.kept)
      {
        return
      }
      nearest[second] = (first, similarity)
    }
    var copies: [Int: [Int]] = [:]
    for (row, found) in nearest { copies[found.kept, default: []].append(row) }
    let groups = copies.map { kept, rows in
      let rows = rows.sorted()
      return Group(
        rows: [kept] + rows, similarities: [1] + rows.map { min(nearest[$0]!.similarity, 1) })
    }
    self.init(threshold: threshold, rowCount: search.count, groups: groups)
  }

  init(threshold: Float, rowCount: Int, groups: [Group]) {
    self.threshold = threshold
    self.rowCount = rowCount
    self.groups = groups.sorted {
      $0.rows.count == $1.rows.count ? $0.rows[0] < $1.rows[0] : $0.rows.count > $1.rows.count
    }
  }

  static func check(_ threshold: Float, name: String = "threshold") throws {
    guard threshold > 0, threshold <= 1 else {
      throw InputError.invalidSetting(
        name: name, expected: "above 0, at most 1", found: "\(threshold)")
    }
  }

  /// The least cosine of near-duplicates in a search, with or without a mean.
  package static func least(_ threshold: Float, isCentred: Bool) -> Float {
    (isCentred ? threshold : 1 - (1 - threshold) / uncentredStrictness) - rounding
  }

  /// How many rows could be removed so that one of each group is left.
  public var surplusCount: Int { groups.reduce(0) { $0 + $1.rows.count - 1 } }
}

/// Which row each row is a copy of.
struct Stars {
  /// The row that is kept for each row: itself, where it is no copy.
  private(set) var kept: [Int]
  private var similarities: [Float]

  init(count: Int) {
    kept = Array(0..<count)
    similarities = Array(repeating: 1, count: count)
  }

  init(among search: SimilaritySearch, threshold: Float, progress: WorkProgress? = nil) {
    self.init(count: search.count)
    search.forEachPair(above: threshold, progress: progress) { add($0, $1, $2) }
  }

  /// Takes a pair. All that decides on a row must come before the row's own pairs.
  mutating func add(_ first: Int, _ second: Int, _ similarity: Float) {
    guard kept[first] == first, kept[second] == second else { return }
    kept[second] = first
    similarities[second] = min(similarity, 1)
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

import Files

/// All pairs of rows that are near each other, and the groups that they make.
///
/// What the groups are follows from the rows and their order alone.
struct NearPairs {
  struct Pair {
    /// The smaller row.
    let first: Int32
    let second: Int32
    let similarity: Float
  }

  private let pairs: [Pair]
  /// The rows that are in a pair, in their order.
  let rows: [Int]

  /// Pairs that are held at most. They take 200 MB, twice that while they are collected, and about 1 GB while they are put in
  /// order.
  static let limit = 1 << 24

  /// - Parameter said: the threshold as the user knows it.
  /// - Throws: `EmbeddingError.tooManyPairs`.
  init(
    among search: SimilaritySearch, threshold: Float, said: Float, limit: Int = limit,
    progress: WorkProgress? = nil
  ) throws {
    var (pairs, count): ([Pair], Int) = ([], 0)
    search.forEachPair(above: threshold, progress: progress) { first, second, similarity in
      count += 1
      guard count <= limit else { return }
      pairs.append(
        Pair(first: Int32(first), second: Int32(second), similarity: min(similarity, 1)))
    }
    guard count <= limit else {
      throw EmbeddingError.tooManyPairs(threshold: said, found: count, limit: limit)
    }
    self.init(pairs)
  }

  init(_ pairs: [Pair]) {
    self.pairs = pairs
    var rows: Set<Int> = []
    for pair in pairs {
      rows.insert(Int(pair.first))
      rows.insert(Int(pair.second))
    }
    self.rows = rows.sorted()
  }

  /// Stars about the best rows: the best one takes all that are near it, the best of those left takes its own, and so
  /// on.
  ///
  /// - Parameters:
  ///   - best: the rows of all pairs, the best first.
  ///   - count: how many rows there are in all.
  func stars(preferring best: [Int], count: Int) -> [DuplicateGroups.Group] {
    let ranks = Self.ranks(best)
    var stars = Stars(count: count)
    let ordered = pairs.map { pair -> (ranks: (Int, Int), similarity: Float) in
      let (first, second) = (ranks[Int(pair.first)]!, ranks[Int(pair.second)]!)
      return ((min(first, second), max(first, second)), pair.similarity)
    }.sorted { $0.ranks < $1.ranks }
    for pair in ordered { stars.add(best[pair.ranks.0], best[pair.ranks.1], pair.similarity) }
    return stars.groups
  }

  /// For each row of a pair the number of its group, which is its least row: the groups of which all pairs are near.
  ///
  /// Pairs are gone through from the most similar on, and two groups become one when the last pair between them has
  /// come: that is agglomeration by complete linkage, cut at the threshold.
  func completeLinkage() -> [Int: Int] {
    var groupOf = Dictionary(uniqueKeysWithValues: rows.map { ($0, $0) })
    var members = Dictionary(uniqueKeysWithValues: rows.map { ($0, [$0]) })
    /// How many pairs between two groups have come.
    var links: [Int: [Int: Int]] = [:]
    let ordered = pairs.sorted {
      ($1.similarity, $0.first, $0.second) < ($0.similarity, $1.first, $1.second)
    }
    for pair in ordered {
      let (one, other) = (groupOf[Int(pair.first)]!, groupOf[Int(pair.second)]!)
      guard one != other else { continue }
      links[one, default: [:]][other, default: 0] += 1
      links[other, default: [:]][one, default: 0] += 1
      guard links[one]![other] == members[one]!.count * members[other]!.count else { continue }
      let (kept, lost) = (min(one, other), max(one, other))
      let moved = members.removeValue(forKey: lost)!
      for row in moved { groupOf[row] = kept }
      members[kept]! += moved
      links[kept]![lost] = nil
      for (third, count) in links.removeValue(forKey: lost) ?? [:] where third != kept {
        links[kept]![third, default: 0] += count
        links[third]![lost] = nil
        links[third]![kept, default: 0] += count
      }
    }
    return groupOf
  }

  /// For each row of a pair the number of its group, which is its least row: the groups that pairs join, by however
  /// many steps.
  func singleLinkage() -> [Int: Int] {
    var parent = Dictionary(uniqueKeysWithValues: rows.map { ($0, $0) })
    func root(of row: Int) -> Int {
      var row = row
      while let above = parent[row], above != row {
        parent[row] = parent[above]
        row = above
      }
      return row
    }
    for pair in pairs {
      let (one, other) = (root(of: Int(pair.first)), root(of: Int(pair.second)))
      parent[max(one, other)] = min(one, other)
    }
    return Dictionary(uniqueKeysWithValues: rows.map { ($0, root(of: $0)) })
  }

  /// Groups by the number of each row's, the best row first.
  func linked(
    _ groupOf: [Int: Int], preferring best: [Int], among search: SimilaritySearch
  ) -> [DuplicateGroups.Group] {
    let ranks = Self.ranks(best)
    let near = Set(pairs.map { Self.key(Int($0.first), Int($0.second)) })
    return Dictionary(grouping: rows) { groupOf[$0]! }.values.filter { $0.count > 1 }.map { rows in
      let kept = rows.min { ranks[$0]! < ranks[$1]! }!
      let others = rows.filter { $0 != kept }
      return DuplicateGroups.Group(
        rows: [kept] + others,
        similarities: [1] + search.similarities(of: kept, to: others).map { min($0, 1) },
        isNear: [true] + others.map { near.contains(Self.key(kept, $0)) })
    }
  }

  private static func key(_ one: Int, _ other: Int) -> UInt64 {
    UInt64(min(one, other)) << 32 | UInt64(max(one, other))
  }

  private static func ranks(_ best: [Int]) -> [Int: Int] {
    Dictionary(uniqueKeysWithValues: best.enumerated().map { ($1, $0) })
  }
}

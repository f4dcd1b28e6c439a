import Files

/// Which rows are copies of each other: by their pictures where both can be looked at, by their embeddings where not.
struct ConfirmedPairs {
  /// What of two rows says that they are copies.
  private enum Evidence {
    case pixels(Float)
    case embeddings(Float)
  }

  /// The least agreement of copies where nothing is said. Of pairs of made copies of photographs of clothing (half, cropped,
  /// quality 30, grey, mirrored, framed, captioned) 98 % are above it, and of the 3,800 other pairs among those photographs that
  /// are hardest to tell apart 5: see decision 68.
  static let defaultLeast: Float = 0.7

  private let sketches: PictureSketches
  private let least: Float
  private let progress: WorkProgress?
  private var known: [UInt64: Evidence] = [:]
  /// The pairs that are copies, the smaller row first, in their order.
  private(set) var pairs: [(first: Int, second: Int)] = []

  /// Looks at the pictures of all candidates.
  ///
  /// - Parameters:
  ///   - candidates: what embeddings propose.
  ///   - alike: what the sketches themselves propose.
  ///   - sketches: by row; a row without one is judged by embeddings.
  ///   - least: the least agreement of copies.
  ///   - similarity: the least cosine of copies, where a picture could not be read.
  init(
    _ candidates: CandidatePairs, alike: LookAlikes, sketches: PictureSketches, least: Float,
    similarity: Float,
    progress: WorkProgress? = nil
  ) {
    self.sketches = sketches
    self.least = least
    self.progress = progress
    for pair in candidates.near {
      known[Self.key(pair.first, pair.second)] = .embeddings(pair.similarity)
    }
    for pair in candidates.proposed
    where pair.similarity >= similarity && !(sketches.has(pair.first) && sketches.has(pair.second))
    {
      known[Self.key(pair.first, pair.second)] = .embeddings(pair.similarity)
    }
    let proposed = candidates.proposed.map { ($0.first, $0.second) }
    compare(proposed)
    let others = alike.pairs.map { ($0.first, $0.second) }.filter {
      known[Self.key($0.0, $0.1)] == nil
    }
    compare(others)
    pairs = (proposed + others + candidates.near.map { ($0.first, $0.second) })
      .filter { areCopies($0.0, $0.1) }.sorted { $0 < $1 }
  }

  private static func key(_ one: Int, _ other: Int) -> UInt64 {
    UInt64(min(one, other)) << 32 | UInt64(max(one, other))
  }

  /// How well the pictures of two rows agree; nil where they were not looked at.
  func agreement(_ one: Int, _ other: Int) -> Float? {
    guard case .pixels(let agreement) = known[Self.key(one, other)] else { return nil }
    return agreement
  }

  private func areCopies(_ one: Int, _ other: Int) -> Bool {
    switch known[Self.key(one, other)] {
    case .pixels(let agreement): agreement >= least
    case .embeddings: true
    case nil: false
    }
  }

  /// How sure it is that two rows are copies, for an order of pairs.
  private func likeness(_ one: Int, _ other: Int) -> Float {
    switch known[Self.key(one, other)] {
    case .pixels(let value), .embeddings(let value): value
    case nil: 0
    }
  }

  private mutating func compare(_ wanted: [(Int, Int)]) {
    let new = wanted.map { (first: min($0, $1), second: max($0, $1)) }.filter {
      known[Self.key($0.first, $0.second)] == nil && sketches.has($0.first)
        && sketches.has($0.second)
    }
    for (pair, agreement) in zip(new, sketches.agreements(of: new, progress: progress)) {
      known[Self.key(pair.first, pair.second)] = .pixels(agreement)
    }
  }

  /// The rows that are in a pair, in their order.
  var rows: [Int] { Set(pairs.flatMap { [$0.first, $0.second] }).sorted() }

  /// Rows that pairs join, by however many steps; each part and the parts in the order of `best`.
  private func parts(preferring best: [Int]) -> [[Int]] {
    let joined = NearPairs(
      pairs.map { NearPairs.Pair(first: Int32($0.first), second: Int32($0.second), similarity: 1) })
    let partOf = joined.singleLinkage()
    var parts: [Int: [Int]] = [:]
    for row in best { parts[partOf[row]!, default: []].append(row) }
    return best.compactMap { row in
      let part = parts[partOf[row]!]!
      return part[0] == row ? part : nil
    }
  }

  /// Makes groups: within what the pairs join all are compared that the kind of group asks for, candidates or not.
  ///
  /// - Parameters:
  ///   - best: all rows that are in a pair, the best first.
  ///   - search: gives the cosines.
  /// - Throws: `EmbeddingError.tooManyPairs` for complete linkage.
  mutating func groups(
    _ link: DuplicateGroups.Link, preferring best: [Int], among search: SimilaritySearch
  ) throws -> [DuplicateGroups.Group] {
    let parts = parts(preferring: best)
    let lists: [[Int]]
    switch link {
    case .single:
      compare(parts.flatMap { part in part.dropFirst().map { (part[0], $0) } })
      lists = parts
    case .star: lists = stars(parts)
    case .complete: lists = try completeLinkage(parts, preferring: best)
    }
    return lists.map { rows in
      let others = rows.dropFirst().sorted()
      return DuplicateGroups.Group(
        rows: [rows[0]] + others,
        similarities: [1] + search.similarities(of: rows[0], to: others).map { min($0, 1) },
        isNear: [true] + others.map { areCopies(rows[0], $0) },
        agreements: [nil] + others.map { agreement(rows[0], $0) })
    }
  }

  /// The best of each part with its copies, then the best of what is left with its own, and so on: a round for all parts
  /// at a time.
  private mutating func stars(_ parts: [[Int]]) -> [[Int]] {
    var (left, stars) = (parts, [[Int]]())
    while !left.isEmpty {
      compare(left.flatMap { part in part.dropFirst().map { (part[0], $0) } })
      var next: [[Int]] = []
      for part in left {
        let copies = part.dropFirst().filter { areCopies(part[0], $0) }
        if !copies.isEmpty { stars.append([part[0]] + copies) }
        let rest = part.dropFirst().filter { !areCopies(part[0], $0) }
        if rest.count > 1 { next.append(Array(rest)) }
      }
      left = next
    }
    return stars
  }

  private mutating func completeLinkage(_ parts: [[Int]], preferring best: [Int]) throws -> [[Int]]
  {
    let count = parts.reduce(0) { $0 + $1.count * ($1.count - 1) / 2 }
    guard count <= NearPairs.limit else {
      throw EmbeddingError.tooManyPairs(threshold: least, found: count, limit: NearPairs.limit)
    }
    func pairs(of part: [Int]) -> [(Int, Int)] {
      let rows = part.sorted()
      return rows.indices.flatMap { place in rows[(place + 1)...].map { (rows[place], $0) } }
    }
    let all = parts.flatMap(pairs)
    compare(all)
    let near = all.filter { areCopies($0.0, $0.1) }.map {
      NearPairs.Pair(first: Int32($0.0), second: Int32($0.1), similarity: likeness($0.0, $0.1))
    }
    let groupOf = NearPairs(near).completeLinkage()
    var groups: [Int: [Int]] = [:]
    for row in best { groups[groupOf[row]!, default: []].append(row) }
    return groups.values.filter { $0.count > 1 }
  }

  /// For each row from `split` on the one before it that it is a copy of, the likeliest; such a one is kept, with all whose
  /// likeliest it is.
  func groups(acrossRow split: Int, among search: SimilaritySearch) -> [DuplicateGroups.Group] {
    var likeliest: [Int: (kept: Int, likeness: Float)] = [:]
    for (first, second) in pairs where first < split && second >= split {
      let likeness = likeness(first, second)
      if let known = likeliest[second], known.likeness >= likeness { continue }
      likeliest[second] = (first, likeness)
    }
    var copies: [Int: [Int]] = [:]
    for (row, found) in likeliest { copies[found.kept, default: []].append(row) }
    return copies.map { kept, rows in
      let rows = rows.sorted()
      return DuplicateGroups.Group(
        rows: [kept] + rows,
        similarities: [1] + search.similarities(of: kept, to: rows).map { min($0, 1) },
        agreements: [nil] + rows.map { agreement(kept, $0) })
    }
  }
}

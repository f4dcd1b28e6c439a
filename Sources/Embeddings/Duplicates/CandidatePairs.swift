import Files

/// Pairs of rows that are worth a look at their pictures: each row's nearest others, and not only those that are so near
/// that they are copies; and the pairs that only their embeddings can tell of.
struct CandidatePairs {
  struct Pair {
    let first: Int
    let second: Int
    let similarity: Float
  }

  /// Pairs whose pictures are to be compared, by their first row and then their second.
  private(set) var proposed: [Pair] = []
  /// Pairs of which a picture cannot be looked at, and whose embeddings are near.
  private(set) var near: [Pair] = []

  /// Others of each row that are looked at.
  static let perRow = 10
  /// The least cosine of what is looked at, about the mean: so far down the nearest ones are other pictures.
  static let leastSimilarity: Float = 0.5

  /// - Parameters:
  ///   - threshold: the least cosine where embeddings alone decide.
  ///   - split: with it only pairs of a row before it and a row from it on are looked at, the nearest of the latter.
  ///   - hasPicture: whether the picture of a row can be looked at.
  /// - Throws: `EmbeddingError.tooManyPairs` for pairs that embeddings alone decide on.
  init(
    among search: SimilaritySearch, threshold: Float, acrossRow split: Int? = nil,
    hasPicture: [Bool], progress: WorkProgress? = nil
  ) throws {
    let decided = DuplicateGroups.least(threshold, isCentred: search.isCentred)
    let proposing = DuplicateGroups.least(
      min(Self.leastSimilarity, threshold), isCentred: search.isCentred)
    var nearest = NearestOfEach(count: search.count, kept: Self.perRow)
    var (near, nearCount): ([Pair], Int) = ([], 0)
    search.forEachPair(
      above: max(proposing, .leastNormalMagnitude), acrossRow: split, progress: progress
    ) { first, second, similarity in
      if hasPicture[first], hasPicture[second] {
        if split == nil { nearest.add(second, similarity, to: first) }
        nearest.add(first, similarity, to: second)
      } else if similarity >= decided {
        nearCount += 1
        guard nearCount <= NearPairs.limit else { return }
        near.append(Pair(first: first, second: second, similarity: min(similarity, 1)))
      }
    }
    guard nearCount <= NearPairs.limit else {
      throw EmbeddingError.tooManyPairs(
        threshold: threshold, found: nearCount, limit: NearPairs.limit)
    }
    self.near = near
    proposed = nearest.pairs
  }
}

/// The nearest others of each row, so many at most.
private struct NearestOfEach {
  private let kept: Int
  private var similarities: [Float]
  private var others: [Int32]

  init(count: Int, kept: Int) {
    self.kept = kept
    similarities = Array(repeating: -2, count: count * kept)
    others = Array(repeating: -1, count: count * kept)
  }

  /// Of equally near ones the first that comes stays.
  mutating func add(_ other: Int, _ similarity: Float, to row: Int) {
    var place = (row + 1) * kept - 1
    guard similarity > similarities[place] else { return }
    while place > row * kept, similarity > similarities[place - 1] {
      similarities[place] = similarities[place - 1]
      others[place] = others[place - 1]
      place -= 1
    }
    similarities[place] = similarity
    others[place] = Int32(other)
  }

  /// Every pair once.
  var pairs: [CandidatePairs.Pair] {
    var all: [CandidatePairs.Pair] = []
    for (place, other) in others.enumerated() where other >= 0 {
      let (row, other) = (place / kept, Int(other))
      all.append(
        .init(
          first: min(row, other), second: max(row, other), similarity: min(similarities[place], 1)))
    }
    all.sort { ($0.first, $0.second) < ($1.first, $1.second) }
    var last: (Int, Int)?
    return all.filter { pair in
      defer { last = (pair.first, pair.second) }
      return last.map { $0 != (pair.first, pair.second) } ?? true
    }
  }
}

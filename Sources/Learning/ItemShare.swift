import Torch

/// The part of a step's items that one of several processes has: of `total` items every so many-th as there are
/// processes, from its rank on, as `EpochSampler` draws them.
public struct ItemShare: Sendable {
  /// The items of all processes.
  public let total: Int
  /// The processes; nil for one that has all items.
  public let group: ProcessGroup?

  /// - Precondition: `total` is at least 1.
  public init(of total: Int, among group: ProcessGroup? = nil) {
    precondition(total >= 1, "a share of \(total) items")
    self.total = total
    self.group = group
  }

  /// How many processes there are.
  public var worldSize: Int { group?.worldSize ?? 1 }
  /// This process's items.
  public var own: Int { count(ofRank: group?.rank ?? 0) }

  private func count(ofRank rank: Int) -> Int { max(0, (total - rank + worldSize - 1) / worldSize) }

  /// The share of the first `count` of the items, which are the first of each process.
  public func first(_ count: Int) -> ItemShare {
    precondition((1...total).contains(count), "the first \(count) of \(total) items")
    return ItemShare(of: count, among: group)
  }

  /// How rows lie on the processes, `each` for an item; nil for one process.
  public func rows(each: Int = 1) -> RowShares? {
    group.map { group in
      RowShares((0..<group.worldSize).map { each * count(ofRank: $0) }, on: group)
    }
  }

  /// This process's of what stands for all items, along the first dimension.
  public func own(of all: Tensor) -> Tensor {
    guard let group else { return all }
    return all.slice(group.rank..<all.size(0), by: worldSize)
  }

  /// `count` rows, drawn among those of all items.
  ///
  /// - Parameters:
  ///   - rows: this process's, `each` for an item, `[n, D]`.
  ///   - generator: the same in all processes.
  /// - Returns: this process's of the drawn rows, and how they lie on the processes.
  package func sample(
    _ count: Int, of rows: Tensor, each: Int, using generator: RandomGenerator
  ) -> (rows: Tensor, shares: RowShares?) {
    var places = Tensor.permutation(total * each, using: generator).slice(0..<count)
    var shares: RowShares?
    if group != nil {
      let own: [Int64]
      (own, shares) = chosen(places.array(), each: each)
      places = Tensor(own)
    }
    return (rows.select(indices: places.to(device: rows.device)), shares)
  }

  /// Rows that were chosen among those of all items, `each` for an item: which of this process's they are, and how many each
  /// process has.
  func chosen(_ rows: [Int64], each: Int) -> (own: [Int64], shares: RowShares?) {
    guard let group else { return (rows, nil) }
    var own: [Int64] = []
    var counts = [Int](repeating: 0, count: worldSize)
    for row in rows {
      let (item, place) = Int(row).quotientAndRemainder(dividingBy: each)
      counts[item % worldSize] += 1
      if item % worldSize == group.rank { own.append(Int64(item / worldSize * each + place)) }
    }
    return (own, RowShares(counts, on: group))
  }
}

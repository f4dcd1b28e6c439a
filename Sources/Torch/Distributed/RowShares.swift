/// How the rows of one tensor lie on several processes.
///
/// Each process computes a loss of its own from its rows, and the mean of these losses is what all descend on. So what is
/// a mean over rows is weighted here by how many rows there are elsewhere, and what needs all rows sums or gathers them.
public struct RowShares: Sendable {
  public let group: ProcessGroup
  /// The rows of each process, by rank.
  public let counts: [Int]

  /// - Precondition: there is a count for each process.
  public init(_ counts: [Int], on group: ProcessGroup) {
    precondition(counts.count == group.worldSize, "\(counts.count) of \(group.worldSize) counts")
    self.group = group
    self.counts = counts
  }

  /// The rows of all processes.
  public var total: Int { counts.reduce(0, +) }
  /// This process's.
  public var own: Int { counts[group.rank] }
  /// Where this process's rows begin among all, rank by rank.
  public var offset: Int { counts[..<group.rank].reduce(0, +) }
}

extension RowShares? {
  /// What this process adds to the mean of all elements of all rows: over the processes, the mean of these is that mean.
  ///
  /// - Parameter x: this process's rows, along any dimension.
  public func mean(of x: Tensor) -> Tensor {
    guard let shares = self else { return x.mean() }
    // An empty share has no elements, and the others have as many in a row as there are.
    guard shares.own > 0 else { return x.sum() }
    let elements = Double(x.count) / Double(shares.own) * Double(shares.total)
    return x.sum() * (Double(shares.group.worldSize) / elements)
  }
}

extension Tensor {
  /// The rows of all processes, rank by rank, through which gradients flow to all of them.
  public func gathered(_ shares: RowShares) -> Tensor {
    precondition(size(0) == shares.own, "\(size(0)) rows where \(shares.own) were said")
    let longest = shares.counts.max() ?? 0
    var padded = self
    if shares.own < longest {
      let nothing = Tensor.zeros(
        [longest - shares.own] + shape.dropFirst(), dtype: dtype, device: device)
      padded = Tensor.concatenate([self, nothing])
    }
    let all = padded.gathered(over: shares.group)
    return Tensor.concatenate(
      shares.counts.enumerated().map { rank, count in all[rank].slice(0..<count) })
  }
}

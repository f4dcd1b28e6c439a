import Files

/// Items in two parts, each class in about the same proportion in both.
public struct StratifiedSplit: Equatable, Sendable {
  /// The rows of the larger part, ascending.
  public let kept: [Int]
  /// The rows of the smaller part, ascending.
  public let heldOut: [Int]

  /// Splits items by their labels; the same seed makes the same split.
  ///
  /// - Parameters:
  ///   - labels: 0 or more.
  ///   - share: of each class that is held out, rounded to whole items; of every class at least
  ///     one item is kept.
  ///   - seed: fixes the draw.
  ///
  /// - Precondition: `share` is in 0 ..< 1.
  public init(labels: [Int], heldOutShare share: Double, seed: UInt64) {
    precondition((0..<1).contains(share), "a held-out share of \(share)")
    let classes = Dictionary(grouping: labels.indices, by: { labels[$0] })
    var heldOut: [Int] = []
    for (label, rows) in classes {
      // A stream for each class: the order in which a dictionary gives its classes is random.
      var generator = SeededGenerator(seed: seed, UInt64(label))
      var rows = rows
      generator.shuffle(&rows)
      let count = min(Int((share * Double(rows.count)).rounded()), rows.count - 1)
      heldOut += rows.prefix(count)
    }
    self.heldOut = heldOut.sorted()
    let held = Set(heldOut)
    kept = labels.indices.filter { !held.contains($0) }
  }
}

/// Finds stretches in which a moving picture stands still and then moves on as before: a freeze, exact or encoded
/// again.
///
/// With m the median pixel difference of the eight transitions before a stretch and of the eight after it, the
/// smaller of both, a freeze is three or more transitions in a row with at most 0.15 m each, where m is at least
/// half a grey level and the transitions right before and after have 0.3 of their side's median: what comes to rest
/// by itself slows down first, and what fades ends in one colour. A stretch that lasts to the clip's end, or nearly (fewer than four transitions are left),
/// has the side before it alone. A still shot is no freeze: it begins with a cut.
enum FreezeDetector {
  private static let side = 8
  private static let leastLength = 3
  /// Transitions that a side must have.
  private static let leastKnown = 4
  /// Rows before a stretch that are a fade if they all change the light.
  private static let fadeLength = 4
  private static let stillShare: Float = 0.15
  private static let abruptShare: Float = 0.3

  /// The rows of each freeze: frames that are the one before it again.
  ///
  /// - Parameters:
  ///   - differences: each row's pixel difference to the row before; NaN where there is none.
  ///   - isCut: rows that begin a shot.
  ///   - isFading: rows in which the whole picture changes its light.
  ///   - leastMotion: the pixel difference below which nothing moves, in grey levels.
  static func freezes(
    in differences: [Float], isCut: (Int) -> Bool, isFading: (Int) -> Bool, leastMotion: Float
  ) -> [ClosedRange<Int>] {
    var found: [ClosedRange<Int>] = []
    var row = 1
    while row < differences.count {
      guard let before = motion(differences, rows: (row - side..<row), isCut),
        before >= leastMotion, differences[row] <= stillShare * before, !isCut(row - 1),
        differences[row - 1] >= abruptShare * before,
        !(max(0, row - fadeLength)..<row).allSatisfy(isFading)
      else {
        row += 1
        continue
      }
      var end = row
      while end + 1 < differences.count, differences[end + 1] <= stillShare * before { end += 1 }
      if end - row + 1 >= leastLength,
        goesOn(differences, after: row...end, asBefore: before, isCut, leastMotion)
      {
        found.append(row...end)
      }
      row = end + 1
    }
    return found
  }

  /// Whether what stood still moves on at once, or the clip is over.
  private static func goesOn(
    _ differences: [Float], after still: ClosedRange<Int>, asBefore before: Float,
    _ isCut: (Int) -> Bool, _ leastMotion: Float
  ) -> Bool {
    let next = still.upperBound + 1
    guard next < differences.count else { return true }
    guard differences.count - next >= leastKnown else {
      return differences[next] >= abruptShare * before
    }
    // The step out of a freeze may be one over all that it hid.
    guard let after = motion(differences, rows: next..<next + side + 1, isCut),
      after >= leastMotion
    else { return false }
    return differences[next] >= abruptShare * after
      && differences[still].allSatisfy { $0 <= stillShare * after }
  }

  /// The median difference of rows that are no cuts; nil where fewer than `leastKnown` are left.
  private static func motion(
    _ differences: [Float], rows: Range<Int>, _ isCut: (Int) -> Bool
  ) -> Float? {
    let values = rows.clamped(to: 0..<differences.count)
      .filter { differences[$0].isFinite && !isCut($0) }.map { differences[$0] }
    return values.count >= leastKnown ? values.upperMedian : nil
  }
}

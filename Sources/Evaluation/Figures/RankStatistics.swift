import Files

/// How well a score tells positive items from negative ones.
public enum RankStatistics {
  /// The area under the receiver operating characteristic: the probability that a positive item's
  /// score is above a negative item's, a tie counting one half.
  ///
  /// Computed from ranks, `(R - P (P + 1) / 2) / (P N)` with R the sum of the positives' ranks
  /// (the Mann-Whitney statistic), in the time of a sort.
  ///
  /// - Parameters:
  ///   - positives: P scores that should be high; infinity is allowed.
  ///   - negatives: N scores that should be low.
  /// - Returns: 0 to 1; 0.5 where the score says nothing.
  /// - Throws: `InputError.tooFewItems` where one side is empty; `.notANumber`.
  ///
  /// Reference: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve".
  public static func auroc(
    positives: [Double], negatives: [Double]
  ) throws -> Double {
    try check([positives, negatives], purpose: "AUROC")
    let scores =
      (positives.map { (value: $0, positive: true) }
      + negatives.map { (value: $0, positive: false) }).sorted { $0.value < $1.value }
    var rankSum = 0.0
    var start = 0
    while start < scores.count {
      var end = start
      var tiedPositives = 0
      while end < scores.count, scores[end].value == scores[start].value {
        tiedPositives += scores[end].positive ? 1 : 0
        end += 1
      }
      // Equal scores share the mean of the ranks start + 1 ... end.
      rankSum += Double(tiedPositives) * Double(start + 1 + end) / 2
      start = end
    }
    let positiveCount = Double(positives.count)
    return (rankSum - positiveCount * (positiveCount + 1) / 2)
      / (positiveCount * Double(negatives.count))
  }

  /// The share of pairs whose positive score is above the negative one, a tie counting one half.
  ///
  /// - Parameters:
  ///   - positives: the scores that should be the higher ones, pair by pair.
  ///   - negatives: as many scores that should be the lower ones.
  /// - Returns: 0 to 1.
  /// - Throws: `InputError.tooFewItems`, `.notANumber`, `.wrongShape` for lists of two lengths.
  public static func pairedAccuracy(
    positives: [Double], negatives: [Double]
  ) throws -> Double {
    try check([positives, negatives], purpose: "paired accuracy")
    guard positives.count == negatives.count else {
      throw EvaluationError.wrongShape(
        purpose: "paired accuracy", expected: [positives.count], found: [negatives.count])
    }
    return zip(positives, negatives).reduce(0) { $0 + win($1.0, over: $1.1) }
      / Double(positives.count)
  }

  /// The share of `others` that `score` is above, a tie counting one half. Its mean over positive items is their
  /// AUROC against `others`.
  ///
  /// - Returns: 0 to 1; nil where there are no others.
  static func rank<Score: BinaryFloatingPoint>(of score: Score, among others: [Score]) -> Double? {
    guard !others.isEmpty else { return nil }
    return others.reduce(0) { $0 + win(score, over: $1) } / Double(others.count)
  }

  private static func win<Score: BinaryFloatingPoint>(_ score: Score, over other: Score) -> Double {
    score > other ? 1 : score == other ? 0.5 : 0
  }

  private static func check(_ lists: [[Double]], purpose: String) throws {
    for list in lists {
      guard !list.isEmpty else {
        throw InputError.tooFewItems(purpose: purpose, needed: 1, found: 0)
      }
      if let item = list.firstIndex(where: \.isNaN) {
        throw EvaluationError.notANumber(purpose: purpose, item: item)
      }
    }
  }
}

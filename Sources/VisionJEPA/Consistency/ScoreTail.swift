import Foundation

/// How high scores of clean frames go, from the highest that were seen.
///
/// Where the wanted rate leaves at least one alarm among the frames that were seen, the threshold is the
/// score that so many of them are above. Where it asks for fewer, the tail is continued: above the upper
/// tenth, u, the excess over u is taken as exponential with its mean m,
///
///     threshold(rate) = u + m log(share above u / rate)
///
/// (a generalized Pareto tail of shape 0; Coles 2001, "An introduction to statistical modeling of extreme
/// values", section 4.2), and never below the highest score seen.
public enum ScoreTail {
  /// - Parameters:
  ///   - scores: of clean frames, at least one.
  ///   - rate: false alarms a frame, 0…1.
  public static func threshold(of scores: [Float], rate: Double) -> Float {
    precondition(!scores.isEmpty && rate > 0, "a threshold of \(scores.count) scores")
    let sorted = scores.sorted(by: >)
    let allowed = Int(rate * Double(sorted.count))
    if allowed > 0 {
      return allowed < sorted.count ? (sorted[allowed - 1] + sorted[allowed]) / 2 : sorted.last!
    }
    let count = min(sorted.count - 1, max(10, sorted.count / 10))
    guard count > 0 else { return sorted[0] }
    let upper = sorted[count]
    let excess = sorted.prefix(count).reduce(Float(0)) { $0 + ($1 - upper) } / Float(count)
    let share = Double(count) / Double(sorted.count)
    return max(sorted[0], upper + excess * Float(log(share / rate)))
  }
}

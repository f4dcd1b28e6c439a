import Foundation

/// How high scores of clean frames go, from the highest that were seen.
///
/// Where the wanted rate leaves k alarms, at least one, among the n frames that were seen, the threshold is the
/// k-th highest score: another frame of the same kind is above it with a probability of k / (n + 1), which is not
/// more than the rate. Where it asks for fewer, the tail is continued: above the upper tenth, u, the excess over u
/// is taken as exponential with its mean m,
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
    if allowed > 0 { return sorted[min(allowed, sorted.count) - 1] }
    let count = min(sorted.count - 1, max(10, sorted.count / 10))
    guard count > 0 else { return sorted[0] }
    let upper = sorted[count]
    let excess = sorted.prefix(count).reduce(Float(0)) { $0 + ($1 - upper) } / Float(count)
    let share = Double(count) / Double(sorted.count)
    return max(sorted[0], upper + excess * Float(log(share / rate)))
  }
}

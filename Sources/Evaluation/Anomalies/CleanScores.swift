import Foundation
import VideoJEPA

/// The scores of clean pictures that had no part in what scored them, and what they say of another score.
struct CleanScores {
  /// Ascending.
  let sorted: [Double]
  /// Above this score the tail is continued.
  private let upper: Double
  private let upperCount: Int
  /// How much higher a score is that a tenth as many reach, in the continued tail.
  private let scorePerDecade: Double

  /// - Parameter scores: at least one.
  init(_ scores: [Double]) { self.init(sorted: scores.sorted()) }

  private init(sorted: [Double]) {
    precondition(!sorted.isEmpty, "no clean scores")
    self.sorted = sorted
    let count = sorted.count
    upperCount = min(count - 1, max(1, count / 10))
    upper = sorted[count - 1 - upperCount]
    // An exponential tail falls from a half to the share above `upper` within scale * log(2 share)^-1.
    let share = Double(upperCount + 2) / Double(count + 1)
    let middle = sorted[(count - 1) / 2]
    let decades = log10(0.5 / share)
    let slope = decades > 0 ? (upper - middle) / decades : 0
    // Of scores that are all alike there is no tail: any excess is beyond it.
    scorePerDecade = max(slope, 1e-6 * max(1, abs(upper)))
  }

  /// How surprising a score is among clean ones: -log10 of the share of clean pictures that score as high.
  ///
  /// Within the clean scores the share is counted, (1 + those at or above) / (1 + all), with a straight line
  /// between neighbours, so that it rises with the score. Above the upper tenth the tail is taken as exponential,
  /// as steep as it is between the middle and the upper tenth: scores beyond all clean ones still have an order,
  /// and a few odd pictures among the clean ones do not flatten it.
  func surprise(of score: Double) -> Double {
    let count = Double(sorted.count)
    if score > upper {
      return -log10(Double(upperCount + 2) / (count + 1)) + (score - upper) / scorePerDecade
    }
    // The first that is at or above the score.
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < score { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return 0 }
    let (below, above) = (sorted[low - 1], sorted[low])
    let part = above > below ? (score - below) / (above - below) : 1
    // Places from 0: the least clean score has all at or above it.
    return -log10((1 + count - Double(low - 1) - part) / (1 + count))
  }

  /// The surprise of each clean score among the others.
  static func surprisesLeavingOneOut(_ scores: [Double]) -> [Double] {
    guard scores.count > 1 else { return scores.map { _ in 0 } }
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    let sorted = order.map { scores[$0] }
    var surprises = [Double](repeating: 0, count: scores.count)
    for (rank, place) in order.enumerated() {
      var others = sorted
      others.remove(at: rank)
      surprises[place] = CleanScores(sorted: others).surprise(of: scores[place])
    }
    return surprises
  }

  /// The lowest threshold whose alarms among the clean scores still certify the rate at 95 %; where even none does
  /// not, that of the continued tail, never below the highest score.
  func threshold(falseAlarmsPer1000 wanted: Double) -> Double {
    let rate = wanted / 1000
    var (certifying, tooMany) = (0, sorted.count + 1)
    while tooMany - certifying > 1 {
      let middle = (certifying + tooMany) / 2
      let bound = FalseAlarmClaim.upperBound(alarms: middle - 1, frames: sorted.count)
      if bound <= rate { certifying = middle } else { tooMany = middle }
    }
    // With the k-th highest score as the threshold, k - 1 are above it.
    guard certifying == 0 else { return sorted[sorted.count - certifying] }
    return max(sorted[sorted.count - 1], continued(to: rate))
  }

  /// Where the continued tail has the rate.
  private func continued(to rate: Double) -> Double {
    upper + scorePerDecade * log10(Double(upperCount + 2) / Double(sorted.count + 1) / rate)
  }
}

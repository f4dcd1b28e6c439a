import Foundation
import Torch
import VisionJEPA

/// What a rule may look at: each set contains the ones before it.
public enum RuleEvidence: String, CaseIterable, Sendable, Codable {
  /// Pixels alone.
  case pixels
  /// Besides, how far tokens are from those of other frames; nothing is predicted.
  case copying = "pixels + copy-last"
  /// Besides, the energies of the three predictions.
  case energy = "pixels + energy"

  /// The features of the set.
  public var features: [RuleFeature] {
    func ratios(_ statistics: [String], _ offsets: ClosedRange<Int>) -> [RuleFeature] {
      statistics.flatMap { statistic in
        offsets.map { RuleFeature.ratio(statistic: statistic, offset: $0) }
      }
    }
    func pairs(_ family: String) -> [RuleFeature] {
      RuleFeature.allPairs(family) + RuleFeature.allPairs(family, suffix: "Top")
    }
    switch self {
    case .pixels:
      return pairs("pixelDistance")
        + ratios(["pixelDifference", "pixelDifferenceTop"], -1...2)
        + ratios(
          ["interpolationError", "interpolationErrorTop", "colorInterpolationError"], -1...1)
        + ratios(["colorShift"], 0...1)
        + (-1...1).map { .value(statistic: "orderRatio", offset: $0) }
        + ["pixelDifference", "pixelDifferenceTop", "shotSeparation"].map {
          .level(statistic: $0, offset: 0)
        }
        + TransitionHypothesis.allCases.flatMap { hypothesis in
          (-1...1).map {
            .value(statistic: PixelMeter.energyName(hypothesis), offset: $0)
          }
        }
    case .copying:
      return RuleEvidence.pixels.features + pairs("tokenDistance")
        + ratios(["copyLast", "copyLastTop"], -1...2) + ratios(["cosineDistance"], 0...1)
    case .energy:
      let energies = ["energyPast", "energyFuture", "energyMiddle"]
      return RuleEvidence.copying.features + ratios(energies + energies.map { $0 + "Top" }, -2...2)
    }
  }
}

/// Fits the rule that weighs all statistics, on clips with known faults.
enum RuleFitting {
  struct Options: Sendable {
    /// The penalty on the squares of the weights.
    var strength = 1e-3
    /// The rate that the rule's own threshold is set for.
    var falseAlarmsPer1000 = 1.0
  }

  /// Fits a rule.
  ///
  /// - Parameters:
  ///   - clips: of the sources to learn from, clean stretches among them.
  ///   - evidence: what the rule may look at.
  /// - Throws: `EvaluationError.tooFewItems` where there is nothing clean or nothing broken.
  static func fit(
    _ clips: [LabelledClip], evidence: RuleEvidence, options: Options = Options()
  ) throws(EvaluationError) -> ConsistencyRule {
    let inputs = inputs(evidence.features, clips)
    var rows: [[Float]] = []
    var labels: [Int] = []
    var cleanRowsOfClips: [[Int]] = []
    for clip in clips {
      let expanded = ConsistencyRule.expanded(inputs, of: clip.table)
      let clean = clip.cleanRows
      cleanRowsOfClips.append(clean)
      for row in clean {
        rows.append(expanded[row])
        labels.append(0)
      }
      // What happens slowly has no row of its own that a rule could learn.
      for event in clip.events where event.fault.semantic == nil {
        let kind = 1 + BreakKind.allCases.firstIndex(of: event.fault.breakKind)!
        for row in event.rows {
          rows.append(expanded[row])
          labels.append(kind)
        }
      }
    }
    let broken = labels.count { $0 > 0 }
    for (found, purpose) in [
      (labels.count - broken, "clean frames to fit a rule"), (broken, "faults to fit a rule"),
    ] where found < 10 {
      throw .tooFewItems(purpose: purpose, needed: 10, found: found)
    }
    let (weights, biases) = solve(rows, labels, strength: options.strength)
    func rule(threshold: Float, frames: Int, alarms: Int) -> ConsistencyRule {
      ConsistencyRule(
        inputs: inputs, weights: weights, biases: biases, threshold: threshold,
        cleanFrames: frames, cleanAlarms: alarms)
    }
    // The threshold: the score that the wanted share of the clean frames is above.
    let draft = rule(threshold: 0, frames: 0, alarms: 0)
    let scores = zip(clips, cleanRowsOfClips).flatMap { clip, clean in
      let judgements = draft.judge(clip.table)
      return clean.map { judgements[$0].score }
    }
    let threshold = ScoreTail.threshold(of: scores, rate: options.falseAlarmsPer1000 / 1000)
    return rule(
      threshold: threshold, frames: scores.count, alarms: scores.count { $0 > threshold })
  }

  /// Mean and deviation of each feature over the clean rows.
  private static func inputs(
    _ features: [RuleFeature], _ clips: [LabelledClip]
  ) -> [ConsistencyRule.Input] {
    features.map { feature in
      var (sum, squares, count) = (0.0, 0.0, 0.0)
      for clip in clips {
        let values = feature.values(in: clip.table)
        for row in clip.cleanRows where values[row].isFinite {
          let value = Double(values[row])
          (sum, squares, count) = (sum + value, squares + value * value, count + 1)
        }
      }
      let mean = count > 0 ? sum / count : 0
      let variance = count > 0 ? max(0, squares / count - mean * mean) : 1
      return ConsistencyRule.Input(
        feature: feature, mean: Float(mean), deviation: Float(max(variance.squareRoot(), 1e-3)))
    }
  }

  private static func solve(
    _ rows: [[Float]], _ labels: [Int], strength: Double
  ) -> (weights: [[Float]], biases: [Float]) {
    withoutGradient {
      let width = rows[0].count
      let x = Tensor(Array(rows.joined()), shape: [rows.count, width]).to(.float64)
      let classes = BreakKind.allCases.count + 1
      let regression = SoftmaxRegression(
        x: x, labels: labels, classCount: classes, curvature: CurvatureEstimate(of: x))
      let solution = regression.fit(
        strength: strength, from: regression.zeroWeights, gradientTolerance: 1e-5,
        maximumIterations: 500
      ).point.to(.float32)
      let columns = solution.transposed().contiguous()
      return (
        (0..<classes).map { columns[$0].slice(0..<width).array(of: Float.self) },
        (0..<classes).map { Float(columns[$0][width].item()) }
      )
    }
  }
}

import EnergyDescent
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
    // Two levels together say what part of a change is unexplained, whatever is usual.
    func levels(_ statistics: [String]) -> [RuleFeature] {
      statistics.map { .level(statistic: $0, offset: 0) }
    }
    func pairs(_ family: String) -> [RuleFeature] {
      RuleFeature.allPairs(family) + RuleFeature.allPairs(family, suffix: "Top")
    }
    func hypotheses(_ name: (TransitionHypothesis) -> String) -> [RuleFeature] {
      TransitionHypothesis.allCases.flatMap { hypothesis in
        (-1...1).map { .level(statistic: name(hypothesis), offset: $0) }
      }
    }
    switch self {
    case .pixels:
      return pairs("pixelDistance")
        + ratios(["pixelDifference", "pixelDifferenceTop"], -1...2)
        + ratios(
          ["interpolationError", "interpolationErrorTop", "colorInterpolationError"], -1...1)
        + ratios(["colorShift"], 0...1)
        + (-1...1).map { .value(statistic: "orderRatio", offset: $0) }
        + levels(["pixelDifference", "pixelDifferenceTop", "shotSeparation"])
        // A flash is far in colour, not only farther than its neighbours.
        + levels(["colorShift", "colorInterpolationError"])
        + hypotheses(PixelMeter.energyName)
    case .copying:
      return RuleEvidence.pixels.features + pairs("tokenDistance")
        + hypotheses(TokenMeter.energyName)
        + ratios(["copyLast", "copyLastTop"], -1...2) + ratios(["cosineDistance"], 0...1)
        + levels(["copyLast", "copyLastTop"])
    case .energy:
      let modes = ["energyPast", "energyFuture", "energyMiddle"]
      let energies = modes + modes.map { $0 + "Top" }
      return RuleEvidence.copying.features + ratios(energies, -2...2) + levels(energies)
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
    let (rows, labels) = design(clips, inputs)
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
    let scores = clips.flatMap { clip in
      let judgements = draft.judge(clip.table)
      return clip.cleanRows.map { judgements[$0].score }
    }
    let threshold = ScoreTail.threshold(of: scores, rate: options.falseAlarmsPer1000 / 1000)
    return rule(
      threshold: threshold, frames: scores.count, alarms: scores.count { $0 > threshold })
  }

  /// The penalty, of three, with which rules fitted on half of the sources predict the other half best.
  ///
  /// - Throws: `EvaluationError.tooFewItems` where there are not two sources.
  static func strength(
    for clips: [LabelledClip], evidence: RuleEvidence
  ) throws(EvaluationError) -> Double {
    let sources = Array(Set(clips.map(\.source))).sorted()
    guard sources.count >= 2 else {
      throw .tooFewItems(purpose: "choosing a rule's penalty", needed: 2, found: sources.count)
    }
    let candidates = [1e-2, 1e-1, 1]
    var losses = [Double](repeating: 0, count: candidates.count)
    for fold in 0..<2 {
      func part(_ isHeldOut: Bool) -> [LabelledClip] {
        clips.filter { (sources.firstIndex(of: $0.source)! % 2 == fold) == isHeldOut }
      }
      let inputs = inputs(evidence.features, part(false))
      let (kept, heldOut) = (design(part(false), inputs), design(part(true), inputs))
      for (place, candidate) in candidates.enumerated() {
        losses[place] += crossEntropy(
          fittedOn: kept, testedOn: heldOut, strength: candidate)
      }
    }
    return candidates[losses.indices.min { losses[$0] < losses[$1] }!]
  }

  /// Rows as the rule takes them, and for each 0 for clean or 1 + the place of its kind.
  private static func design(
    _ clips: [LabelledClip], _ inputs: [ConsistencyRule.Input]
  ) -> (rows: [[Float]], labels: [Int]) {
    var rows: [[Float]] = []
    var labels: [Int] = []
    for clip in clips {
      let expanded = ConsistencyRule.expanded(inputs, of: clip.table)
      for row in clip.cleanRows {
        rows.append(expanded[row])
        labels.append(0)
      }
      for event in clip.events where event.fault.isSudden {
        let kind = 1 + BreakKind.allCases.firstIndex(of: event.fault.breakKind)!
        for row in event.rows {
          rows.append(expanded[row])
          labels.append(kind)
        }
      }
    }
    return (rows, labels)
  }

  /// Mean and deviation of each feature over the clean rows.
  private static func inputs(
    _ features: [RuleFeature], _ clips: [LabelledClip]
  ) -> [ConsistencyRule.Input] {
    var (sums, squares, counts) = (
      [Double](repeating: 0, count: features.count), [Double](repeating: 0, count: features.count),
      [Double](repeating: 0, count: features.count)
    )
    for clip in clips {
      let series = SharedSeries(clip.table)
      for (place, feature) in features.enumerated() {
        let values = feature.values(from: series)
        for row in clip.cleanRows where values[row].isFinite {
          let value = Double(values[row])
          sums[place] += value
          squares[place] += value * value
          counts[place] += 1
        }
      }
    }
    return features.indices.map { place in
      let mean = counts[place] > 0 ? sums[place] / counts[place] : 0
      let variance = counts[place] > 0 ? max(0, squares[place] / counts[place] - mean * mean) : 1
      return ConsistencyRule.Input(
        feature: features[place], mean: Float(mean),
        deviation: Float(max(variance.squareRoot(), 1e-3)))
    }
  }

  private static func crossEntropy(
    fittedOn kept: (rows: [[Float]], labels: [Int]),
    testedOn heldOut: (rows: [[Float]], labels: [Int]), strength: Double
  ) -> Double {
    withoutGradient {
      let weights = minimum(kept.rows, kept.labels, strength: strength)
      return regression(heldOut.rows, heldOut.labels).score(weights).crossEntropy
    }
  }

  private static func solve(
    _ rows: [[Float]], _ labels: [Int], strength: Double
  ) -> (weights: [[Float]], biases: [Float]) {
    withoutGradient {
      let width = rows[0].count
      let solution = minimum(rows, labels, strength: strength).to(.float32)
      let columns = solution.transposed().contiguous()
      return (
        (0..<solution.size(1)).map { columns[$0].slice(0..<width).array(of: Float.self) },
        (0..<solution.size(1)).map { Float(columns[$0][width].item()) }
      )
    }
  }

  private static func regression(_ rows: [[Float]], _ labels: [Int]) -> SoftmaxRegression {
    let x = Tensor(Array(rows.joined()), shape: [rows.count, rows[0].count]).to(.float64)
    return SoftmaxRegression(
      x: x, labels: labels, classCount: BreakKind.allCases.count + 1,
      curvature: CurvatureEstimate(of: x))
  }

  /// Weights and biases, `[3 * features + 1, kinds + 1]`.
  private static func minimum(
    _ rows: [[Float]], _ labels: [Int], strength: Double
  ) -> Tensor {
    let regression = regression(rows, labels)
    return regression.fit(
      strength: strength, from: regression.zeroWeights, gradientTolerance: 1e-5,
      maximumIterations: 200
    ).point
  }
}

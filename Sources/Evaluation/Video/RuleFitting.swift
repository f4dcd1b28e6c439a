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
    /// Penalties on the squares of the weights to choose from.
    var strengths = [1e-2, 1e-1, 1]
    /// The rate that the rule's own threshold is set for.
    var falseAlarmsPer1000 = 1.0
  }

  /// Fits a rule, with the penalty that predicts other sources best and a threshold for other sources.
  ///
  /// For both the sources are halved, and rules fitted on one half judge the other: the penalty is the one with the
  /// lowest cross-entropy there, the threshold the score that the wanted share of the unbroken clips' frames is above.
  ///
  /// - Parameters:
  ///   - clips: of the sources to learn from, clean stretches among them.
  ///   - evidence: what the rule may look at.
  /// - Throws: `EvaluationError.tooFewItems` where there is nothing clean, nothing broken, or but one source.
  static func fit(
    _ clips: [LabelledClip], evidence: RuleEvidence, options: Options = Options()
  ) throws(EvaluationError) -> (rule: ConsistencyRule, strength: Double) {
    let inputs = inputs(evidence.features, clips)
    let (rows, labels) = design(clips, inputs)
    let broken = labels.count { $0 > 0 }
    let sources = Array(Set(clips.map(\.source))).sorted()
    for (needed, found, purpose) in [
      (10, labels.count - broken, "clean frames to fit a rule"),
      (10, broken, "faults to fit a rule"), (2, sources.count, "sources to fit a rule"),
    ] where found < needed {
      throw .tooFewItems(purpose: purpose, needed: needed, found: found)
    }
    var trials = options.strengths.map { _ in (loss: 0.0, cleanScores: [Float]()) }
    for fold in 0..<2 {
      func half(_ isHeldOut: Bool) -> [LabelledClip] {
        clips.filter { (sources.firstIndex(of: $0.source)! % 2 == fold) == isHeldOut }
      }
      let foldInputs = Self.inputs(evidence.features, half(false))
      let (kept, heldOut) = (design(half(false), foldInputs), design(half(true), foldInputs))
      for (place, strength) in options.strengths.enumerated() {
        withoutGradient {
          let point = minimum(kept.rows, kept.labels, strength: strength)
          trials[place].loss += regression(heldOut.rows, heldOut.labels).score(point).crossEntropy
          let rule = rule(foldInputs, point)
          for clip in half(true) where !clip.isBroken {
            let judgements = rule.judge(clip.table)
            trials[place].cleanScores += clip.cleanRows.map { judgements[$0].score }
          }
        }
      }
    }
    let best = trials.indices.min { trials[$0].loss < trials[$1].loss }!
    let (strength, scores) = (options.strengths[best], trials[best].cleanScores)
    guard !scores.isEmpty else {
      throw .tooFewItems(purpose: "unbroken frames for a rule's threshold", needed: 1, found: 0)
    }
    let threshold = ScoreTail.threshold(of: scores, rate: options.falseAlarmsPer1000 / 1000)
    return withoutGradient {
      let rule = rule(
        inputs, minimum(rows, labels, strength: strength), threshold: threshold,
        cleanFrames: scores.count, cleanAlarms: scores.count { $0 > threshold })
      return (rule, strength)
    }
  }

  private static func rule(
    _ inputs: [ConsistencyRule.Input], _ point: Tensor, threshold: Float = 0, cleanFrames: Int = 0,
    cleanAlarms: Int = 0
  ) -> ConsistencyRule {
    let columns = point.to(.float32).transposed().contiguous()
    let (width, kinds) = (point.size(0) - 1, 0..<point.size(1))
    return ConsistencyRule(
      inputs: inputs, weights: kinds.map { columns[$0].slice(0..<width).array(of: Float.self) },
      biases: kinds.map { Float(columns[$0][width].item()) }, threshold: threshold,
      cleanFrames: cleanFrames, cleanAlarms: cleanAlarms)
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

import EnergyDescent
import Files
import Foundation
import Torch

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
    func ratios(_ statistics: [Statistic], _ offsets: ClosedRange<Int>) -> [RuleFeature] {
      statistics.flatMap { statistic in
        offsets.map { RuleFeature.ratio(statistic: statistic, offset: $0) }
      }
    }
    // Two levels together say what part of a change is unexplained, whatever is usual.
    func levels(_ statistics: [Statistic]) -> [RuleFeature] {
      statistics.map { .level(statistic: $0, offset: 0) }
    }
    func pairs(_ part: Statistic.Part) -> [RuleFeature] {
      RuleFeature.allPairs(part) + RuleFeature.allPairs(part, .top)
    }
    func hypotheses(_ part: Statistic.Part) -> [RuleFeature] {
      TransitionHypothesis.allCases.flatMap { hypothesis in
        (-1...1).map { .level(statistic: .misfit(hypothesis, part), offset: $0) }
      }
    }
    switch self {
    case .pixels:
      return pairs(.pixels)
        + ratios([.pixelDifference(.mean), .pixelDifference(.top)], -1...2)
        + ratios(
          [.interpolationError(.mean), .interpolationError(.top), .colorInterpolationError], -1...1)
        + ratios([.colorShift], 0...1)
        + (-1...1).map { .value(statistic: .orderRatio, offset: $0) }
        + levels([.pixelDifference(.mean), .pixelDifference(.top), .shotSeparation])
        // A flash is far in colour, not only farther than its neighbours.
        + levels([.colorShift, .colorInterpolationError])
        + hypotheses(.pixels)
    case .copying:
      return RuleEvidence.pixels.features + pairs(.tokens)
        + hypotheses(.tokens)
        + ratios([.copyLast(.mean), .copyLast(.top)], -1...2) + ratios([.cosineDistance], 0...1)
        + levels([.copyLast(.mean), .copyLast(.top)])
    case .energy:
      let energies: [Statistic] = [Statistic.Summary.mean, .top].flatMap { summary in
        PredictionMode.allCases.map { .energy($0, summary) }
      }
      return RuleEvidence.copying.features + ratios(energies, -2...2) + levels(energies)
    }
  }
}

/// Fits the rule that weighs all statistics, on clips with known faults.
package enum RuleFitting {
  package struct Options: Sendable {
    /// Penalties on the squares of the weights to choose from, rising.
    var strengths = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
    /// The rate that the rule's own threshold is set for.
    var falseAlarmsPer1000 = 5.0
  }

  /// The sources are parted in so many.
  private static let foldCount = 5

  /// Fits a rule, with a penalty and a threshold for other sources.
  ///
  /// For both, rules are fitted on four fifths of the sources and judge the last fifth, in turn. The penalty is the
  /// strongest whose cross-entropy there is within a standard error, over sources, of the lowest (Hastie, Tibshirani &
  /// Friedman 2009, "The elements of statistical learning", section 7.10); the threshold is the score that the wanted
  /// share of the unbroken clips' frames there is above.
  ///
  /// - Parameters:
  ///   - clips: of the sources to learn from, unbroken ones among them.
  ///   - evidence: what the rule may look at.
  /// - Throws: `InputError.tooFewItems` where there is nothing clean, nothing broken, or but one source.
  package static func fit(
    _ clips: [LabelledClip], evidence: RuleEvidence, options: Options = Options()
  ) throws(InputError) -> (rule: ConsistencyRule, strength: Double) {
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
    var trials = options.strengths.map { _ in HeldOut() }
    for fold in 0..<min(foldCount, sources.count) {
      let heldOut = sources.indices.filter { $0 % foldCount == fold }.map { place in
        clips.filter { $0.source == sources[place] }
      }
      let others = clips.filter { sources.firstIndex(of: $0.source)! % foldCount != fold }
      withoutGradient {
        let foldInputs = Self.inputs(evidence.features, others)
        let kept = design(others, foldInputs)
        let tested = heldOut.map { design($0, foldInputs) }.filter { !$0.rows.isEmpty }
        for (place, strength) in options.strengths.enumerated() {
          let point = minimum(kept.rows, kept.labels, strength: strength)
          trials[place].losses += tested.map {
            regression($0.rows, $0.labels).score(point).crossEntropy
          }
          let rule = rule(foldInputs, point)
          for clip in heldOut.joined() where !clip.isBroken {
            let judgements = rule.judge(clip.table)
            trials[place].cleanScores += clip.cleanRows.map { judgements[$0].score }
          }
        }
      }
    }
    let best = trials.min { $0.loss < $1.loss }!
    let chosen = trials.lastIndex { $0.isWithinAStandardError(of: best) }!
    let (strength, scores) = (options.strengths[chosen], trials[chosen].cleanScores)
    let threshold = ScoreTail.threshold(of: scores, rate: options.falseAlarmsPer1000 / 1000)
    return withoutGradient {
      let rule = rule(
        inputs, minimum(rows, labels, strength: strength), threshold: threshold,
        cleanFrames: scores.count, cleanAlarms: scores.count { $0 > threshold })
      return (rule, strength)
    }
  }

  /// What rules with one penalty do on sources that they were not fitted on.
  private struct HeldOut {
    /// The mean cross-entropy of each source's rows, in nats.
    var losses: [Double] = []
    /// Of the unbroken clips' clean frames.
    var cleanScores: [Float] = []

    var loss: Double { losses.reduce(0, +) / Double(losses.count) }

    /// Whether the mean difference to `best`, source by source, is no more than its standard error.
    func isWithinAStandardError(of best: HeldOut) -> Bool {
      let differences = zip(losses, best.losses).map { $0 - $1 }
      let count = Double(differences.count)
      let mean = differences.reduce(0, +) / count
      let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count - 1)
      return mean <= (variance / count).squareRoot()
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

  /// Rows as the rule takes them, and for each 0 for clean or 1 + the place of its kind: the clean frames of unbroken
  /// clips, for those of broken copies are the same again, and the broken ones.
  private static func design(
    _ clips: [LabelledClip], _ inputs: [ConsistencyRule.Input]
  ) -> (rows: [[Float]], labels: [Int]) {
    var rows: [[Float]] = []
    var labels: [Int] = []
    for clip in clips {
      let expanded = ConsistencyRule.expanded(inputs, of: clip.table)
      for row in clip.isBroken ? [] : clip.cleanRows {
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
        for row in clip.isBroken ? [] : clip.cleanRows where values[row].isFinite {
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

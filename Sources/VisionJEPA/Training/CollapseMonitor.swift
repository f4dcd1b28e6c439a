import EnergyDescent
import Foundation
import Torch
import TrainingRuns

/// When training is called collapsed.
public struct CollapseConfiguration: RunConfiguration {
  public var isWatched = true
  /// Part of the run, 0…1, and steps at least, before any verdict.
  public var graceShare = 0.05
  public var graceSteps = 200
  /// RankMe under this: nearly all variation lies along one or two directions.
  public var minimumRank = 1.5
  /// Spread under this: nearly all pictures have one embedding.
  public var minimumSpread = 0.02
  /// SIGReg's statistic over this share of its value at full collapse.
  public var maximumSIGRegShare = 0.8
  /// How many logged steps in a row must be below before the run stops.
  public var patience = 5

  public init() {}
}

/// Why a run was stopped: which figure fell, and what to change.
public struct CollapseVerdict: Sendable, Equatable, CustomStringConvertible {
  public let figure: String
  public let value: Double
  public let limit: Double
  public let step: Int
  public let advice: String

  public var description: String {
    String(
      format: "collapsed at step %d: %@ is %.4g, the limit is %.4g. %@", step, figure, value, limit,
      advice)
  }
}

/// Watches embeddings for collapse: rank, spread and, where it is the regularizer, SIGReg.
///
/// - RankMe (Garrido et al. 2023, arXiv:2210.02885): along how many directions embeddings vary.
/// - Spread: the standard deviation over pictures, averaged over dimensions, as a share of the embeddings'
///   root mean square; 0 when all are the same.
final class CollapseMonitor {
  private let configuration: CollapseConfiguration
  /// The last embeddings, oldest first, `[n, D]`.
  private(set) var window: Tensor?
  private(set) var strikes = 0
  private let capacity = 512
  private let remedies: String

  /// - Parameter remedies: what a verdict advises to change.
  init(
    _ configuration: CollapseConfiguration,
    remedies: String = "Raise method.regularizerWeight or batchSize, lower "
      + "optimizer.learningRate.peak, or choose another method.regularizer"
  ) {
    self.configuration = configuration
    self.remedies = remedies
  }

  /// Takes over where an earlier session stopped.
  func restore(window: Tensor?, strikes: Int) {
    self.window = window
    self.strikes = strikes
  }

  /// Remembers a step's embeddings, `[B, D]`.
  func note(_ embeddings: Tensor) {
    let fresh = embeddings.to(.float32)
    let all = window.map { Tensor.concatenate([$0, fresh]) } ?? fresh
    window = all.slice(max(0, all.size(0) - capacity)..<all.size(0)).clone()
  }

  /// RankMe and spread of what is remembered.
  func figures() -> (rankMe: Double, spread: Double) {
    guard let window else { return (0, 0) }
    return withoutGradient {
      let deviation = window.variance(0, correction: 0).sqrt().mean().item()
      let size = window.squared().mean().item().squareRoot()
      return (RankMe.of(window), size > 0 ? deviation / size : 0)
    }
  }

  /// The verdict at a logged step; nil while all is well, or not yet bad for long enough.
  ///
  /// - Parameter sigregShare: SIGReg's statistic over its value at full collapse, where it is known.
  func verdict(
    rankMe: Double, spread: Double, sigregShare: Double?, at progress: Double, step: Int
  ) -> CollapseVerdict? {
    guard configuration.isWatched, progress >= configuration.graceShare,
      step >= configuration.graceSteps
    else { return nil }
    let stronger = remedies + "; --set collapse.isWatched=false goes on regardless."
    var found: CollapseVerdict?
    if !(spread >= configuration.minimumSpread) {
      found = CollapseVerdict(
        figure: "the embeddings' spread", value: spread, limit: configuration.minimumSpread,
        step: step, advice: "All pictures get nearly one embedding. " + stronger)
    } else if !(rankMe >= configuration.minimumRank) {
      found = CollapseVerdict(
        figure: "RankMe", value: rankMe, limit: configuration.minimumRank, step: step,
        advice: "Embeddings vary along too few directions. " + stronger)
    } else if let share = sigregShare, !(share <= configuration.maximumSIGRegShare) {
      found = CollapseVerdict(
        figure: "SIGReg over its value at full collapse", value: share,
        limit: configuration.maximumSIGRegShare, step: step,
        advice: "The views' embeddings are nearly one point. " + stronger)
    }
    strikes = found == nil ? 0 : strikes + 1
    return strikes >= configuration.patience ? found : nil
  }
}

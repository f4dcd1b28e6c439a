import Foundation

/// When training is called collapsed.
public struct CollapseConfiguration: RunConfiguration {
  public var isWatched = true
  /// Part of the run, 0…1, and steps at least, before any verdict.
  public var graceShare = 0.05
  public var graceSteps = 200
  /// RankMe under this: nearly all variation lies along one or two directions.
  public var minimumRank = 1.5
  /// Spread under this: nearly all items have one embedding.
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

  public init(figure: String, value: Double, limit: Double, step: Int, advice: String) {
    self.figure = figure
    self.value = value
    self.limit = limit
    self.step = step
    self.advice = advice
  }

  public var description: String {
    String(
      format: "collapsed at step %d: %@ is %.4g, the limit is %.4g. %@", step, figure, value, limit,
      advice)
  }
}

/// What is measured of a run's embeddings at a logged step.
public struct CollapseFigures: Sendable, Equatable {
  public var rankMe: Double
  /// The standard deviation over items as a share of the embeddings' root mean square.
  public var spread: Double
  /// SIGReg's statistic over its value at full collapse, where it is known.
  public var sigregShare: Double?

  public init(rankMe: Double, spread: Double, sigregShare: Double? = nil) {
    self.rankMe = rankMe
    self.spread = spread
    self.sigregShare = sigregShare
  }
}

/// Tells from a run's figures whether it has collapsed: only after a grace period, and only when they
/// stay bad.
public struct CollapseJudge: Sendable {
  private let configuration: CollapseConfiguration
  private let itemsName: String
  private let advice: String
  /// How many logged steps in a row were bad.
  public var strikes = 0

  /// - Parameters:
  ///   - configuration: what counts as bad, and for how long.
  ///   - itemsName: what is embedded, such as `pictures`.
  ///   - advice: what to change, one or more sentences.
  public init(_ configuration: CollapseConfiguration, itemsName: String, advice: String) {
    self.configuration = configuration
    self.itemsName = itemsName
    self.advice = advice
  }

  /// The verdict at a logged step; nil while all is well, or not yet bad for long enough.
  public mutating func verdict(
    on figures: CollapseFigures, at progress: Double, step: Int
  ) -> CollapseVerdict? {
    guard configuration.isWatched, progress >= configuration.graceShare,
      step >= configuration.graceSteps
    else { return nil }
    func verdict(_ figure: String, _ value: Double, _ limit: Double, _ meaning: String)
      -> CollapseVerdict
    {
      CollapseVerdict(
        figure: figure, value: value, limit: limit, step: step, advice: "\(meaning) \(advice)")
    }
    var found: CollapseVerdict?
    if !(figures.spread >= configuration.minimumSpread) {
      found = verdict(
        "the embeddings' spread", figures.spread, configuration.minimumSpread,
        "All \(itemsName) get nearly one embedding.")
    } else if !(figures.rankMe >= configuration.minimumRank) {
      found = verdict(
        "RankMe", figures.rankMe, configuration.minimumRank,
        "Embeddings vary along too few directions.")
    } else if let share = figures.sigregShare, !(share <= configuration.maximumSIGRegShare) {
      found = verdict(
        "SIGReg over its value at full collapse", share, configuration.maximumSIGRegShare,
        "The views' embeddings are nearly one point.")
    }
    strikes = found == nil ? 0 : strikes + 1
    return strikes >= configuration.patience ? found : nil
  }
}

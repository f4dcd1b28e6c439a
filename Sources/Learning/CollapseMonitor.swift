import EnergyDescent
import Foundation
import Torch
import TrainingRuns

/// Watches the embeddings of a run for collapse: rank, spread and, where it is the regularizer, SIGReg.
package final class CollapseMonitor {
  private var recent = EmbeddingWindow()
  private var judge: CollapseJudge
  private let configuration: CollapseConfiguration
  private let itemsName: String
  private let isCentred: Bool

  /// - Parameters:
  ///   - itemsName: what is embedded.
  ///   - isCentred: whether RankMe is of the embeddings' differences from their mean.
  ///   - remedies: what a verdict advises to change.
  package init(
    _ configuration: CollapseConfiguration, itemsName: String = "pictures",
    isCentred: Bool = false,
    remedies: String = "Raise method.regularizerWeight or batchSize, lower "
      + "optimizer.learningRate.peak, or choose another method.regularizer"
  ) {
    self.configuration = configuration
    self.itemsName = itemsName
    self.isCentred = isCentred
    judge = CollapseJudge(
      configuration, itemsName: itemsName,
      advice: remedies + "; --set collapse.isWatched=false goes on regardless.")
  }

  /// The last embeddings, oldest first, `[n, D]`.
  package var window: Tensor? { recent.embeddings }
  package var strikes: Int { judge.strikes }

  /// Takes over where an earlier session stopped.
  package func restore(window: Tensor?, strikes: Int) {
    recent = EmbeddingWindow(window)
    judge.strikes = strikes
  }

  /// Remembers a step's embeddings, `[B, D]`.
  package func note(_ embeddings: Tensor) { recent.note(embeddings) }

  /// RankMe and spread of what is remembered.
  package func figures() -> (rankMe: Double, spread: Double) {
    recent.figures(isCentred: isCentred)
  }

  /// The verdict at a logged step; nil while all is well, or not yet bad for long enough.
  ///
  /// - Parameter sigregShare: SIGReg's statistic over its value at full collapse, where it is known.
  package func verdict(
    rankMe: Double, spread: Double, sigregShare: Double?, at progress: Double, step: Int
  ) -> CollapseVerdict? {
    judge.verdict(
      on: CollapseFigures(rankMe: rankMe, spread: spread, sigregShare: sigregShare), at: progress,
      step: step)
  }

  /// What to say of embeddings that are nearly one point before a verdict may be: at the start, and at
  /// the end of a run that is shorter than the grace period. Nil where they are not.
  package func warning(spread: Double, step: Int) -> String? {
    guard configuration.isWatched, !(spread >= configuration.minimumSpread) else { return nil }
    return String(
      format: "at step %d all %@ get nearly one embedding (spread %.2g, expected at least %g): "
        + "are they all alike?", step, itemsName, spread, configuration.minimumSpread)
  }
}

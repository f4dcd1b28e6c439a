import EnergyDescent
import Torch
import TrainingRuns

/// Watches the embeddings of pictures for collapse: rank, spread and, where it is the regularizer, SIGReg.
final class CollapseMonitor {
  private var recent = EmbeddingWindow()
  private var judge: CollapseJudge

  /// - Parameters:
  ///   - itemsName: what is embedded.
  ///   - remedies: what a verdict advises to change.
  init(
    _ configuration: CollapseConfiguration, itemsName: String = "pictures",
    remedies: String = "Raise method.regularizerWeight or batchSize, lower "
      + "optimizer.learningRate.peak, or choose another method.regularizer"
  ) {
    judge = CollapseJudge(
      configuration, itemsName: itemsName,
      advice: remedies + "; --set collapse.isWatched=false goes on regardless.")
  }

  /// The last embeddings, oldest first, `[n, D]`.
  var window: Tensor? { recent.embeddings }
  var strikes: Int { judge.strikes }

  /// Takes over where an earlier session stopped.
  func restore(window: Tensor?, strikes: Int) {
    recent = EmbeddingWindow(window)
    judge.strikes = strikes
  }

  /// Remembers a step's embeddings, `[B, D]`.
  func note(_ embeddings: Tensor) { recent.note(embeddings) }

  /// RankMe and spread of what is remembered.
  func figures() -> (rankMe: Double, spread: Double) { recent.figures() }

  /// The verdict at a logged step; nil while all is well, or not yet bad for long enough.
  ///
  /// - Parameter sigregShare: SIGReg's statistic over its value at full collapse, where it is known.
  func verdict(
    rankMe: Double, spread: Double, sigregShare: Double?, at progress: Double, step: Int
  ) -> CollapseVerdict? {
    judge.verdict(
      on: CollapseFigures(rankMe: rankMe, spread: spread, sigregShare: sigregShare), at: progress,
      step: step)
  }
}

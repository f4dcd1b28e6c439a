import Torch
import TrainingRuns

/// What processes that train together tell each other before a step: one small sum, so that all of them end at the same
/// step, for the same reason, by one clock.
struct StepAgreement {
  /// Whether this is the end: the run is over, or was asked to stop.
  var isEnding = false
  /// The signal that asked for it, or 0.
  var signal: Int32 = 0
  /// Whether there was no batch.
  var hasFailed = false
  /// What this process learns from in the step.
  var items = 0
  /// Rank 0's: the seconds that the run has trained, and the step that was saved last.
  var seconds = 0.0
  var savedStep: Int?

  /// What holds for all.
  ///
  /// - Returns: of seconds and the saved step rank 0's; of items the sum; of the rest what holds for any.
  func agreed(in group: ProcessGroup) -> StepAgreement {
    let signals = StopSignal.all.map { $0 == signal ? 1.0 : 0 }
    let own = group.isFirst ? [seconds, Double((savedStep ?? -1) + 1)] : [0, 0]
    let numbers = Tensor(
      [isEnding ? 1 : 0, hasFailed ? 1 : 0, Double(items)] + own + signals)
    group.sum([numbers])
    let sums: [Double] = numbers.array()
    var agreed = StepAgreement()
    agreed.isEnding = sums[0] > 0
    agreed.hasFailed = sums[1] > 0
    agreed.items = Int(sums[2])
    agreed.seconds = sums[3]
    agreed.savedStep = sums[4] > 0 ? Int(sums[4]) - 1 : nil
    agreed.signal = zip(StopSignal.all, sums[5...]).first { $0.1 > 0 }?.0 ?? 0
    return agreed
  }
}

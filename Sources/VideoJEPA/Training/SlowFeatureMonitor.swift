import Foundation
import Torch
import TrainingRuns

/// When training on clips is called a collapse to slow features.
public struct SlowFeatureConfiguration: RunConfiguration {
  public var isWatched = true
  /// The error of copying, as a share of what it was at the start: under this, tokens hardly change from
  /// frame to frame.
  public var minimumShare = 0.2
  /// How many logged steps in a row must be below before the run stops.
  public var patience = 5

  public init() {}
}

/// Watches for tokens that stop changing from frame to frame: the way in which video training collapses
/// while spread, rank and SIGReg all stay healthy.
///
/// The figure is the error of copying the frame before, in embedding space. It is averaged from one logged
/// step to the next; the first average is what later ones are compared with.
final class SlowFeatureMonitor {
  /// What a resumed run needs.
  struct State: Codable, Equatable {
    var baseline: Double?
    var strikes = 0
    var sum = 0.0
    var count = 0
  }

  private let configuration: SlowFeatureConfiguration
  private var baseline: Double?
  private var strikes = 0
  // A tensor: on an accelerator nothing waits for it before it is read.
  private var sum: Tensor?
  private var count = 0

  init(_ configuration: SlowFeatureConfiguration) { self.configuration = configuration }

  var state: State {
    State(baseline: baseline, strikes: strikes, sum: sum?.item() ?? 0, count: count)
  }

  func restore(_ state: State, device: Device) {
    baseline = state.baseline
    strikes = state.strikes
    sum = state.count > 0 ? Tensor(state.sum, device: device) : nil
    count = state.count
  }

  /// Takes the error of copying of one step, a scalar.
  func note(_ copyError: Tensor) {
    sum = sum.map { $0 + copyError } ?? copyError
    count += 1
  }

  /// The error of copying since it was judged last.
  var copyError: Double { (sum?.item() ?? 0) / Double(max(1, count)) }

  /// The verdict on the error of copying, where it has been too low for too long; then it is averaged
  /// anew.
  func verdict(step: Int) -> CollapseVerdict? {
    let average = copyError
    (sum, count) = (nil, 0)
    guard let baseline else {
      self.baseline = average
      return nil
    }
    let limit = configuration.minimumShare * baseline
    strikes = configuration.isWatched && !(average >= limit) ? strikes + 1 : 0
    guard strikes >= configuration.patience else { return nil }
    return CollapseVerdict(
      figure: "the error of copying the frame before", value: average, limit: limit, step: step,
      advice: String(
        format:
          "It was %.4g at the start: tokens hardly change from frame to frame any more (slow "
          + "features), so that every clip looks consistent. Raise method.regularizerWeight, lower "
          + "optimizer.learningRate.peak, or add clips with motion; "
          + "--set slowFeatures.isWatched=false goes on regardless.", baseline))
  }
}

import EnergyDescent
import Torch
import TrainingRuns

/// Which of a run's weights become its model.
public struct KeepingConfiguration: RunConfiguration {
  /// Of a moving average over the weights, which is what is kept; 0 for the weights themselves, below 1.
  public var averaging = 0.0
  /// Weights are judged on held-out prompts at every so many steps, and the best are kept.
  public var everySteps = 250
  /// By at most so many held-out prompts.
  public var prompts = 256

  public init() {}

  /// - Throws: `RunError.invalidValue`.
  func validate() throws {
    let check = SettingCheck(in: "keeping")
    try check((0..<1).contains(averaging), "averaging", "0 to below 1, found \(averaging)")
    try check(everySteps >= 1, "everySteps", "at least 1, found \(everySteps)")
    try check((1...65_536).contains(prompts), "prompts", "1 to 65536, found \(prompts)")
  }
}

/// The weights that a run would give away: those that did best on held-out prompts so far, or a moving
/// average of them that did.
final class KeptPlanner {
  private let configuration: KeepingConfiguration
  private let trained: PlannerModel
  /// nil where weights are not averaged.
  private let average: Teacher<PlannerModel>?
  private let best: PlannerModel
  /// What the best weights get right of the held-out prompts; nil before any was judged.
  private(set) var score: Double?

  /// - Parameter copy: makes models of the structure of `trained`.
  init(
    _ configuration: KeepingConfiguration, of trained: PlannerModel, copy: () -> PlannerModel
  ) {
    self.configuration = configuration
    self.trained = trained
    average = configuration.averaging > 0 ? Teacher(of: trained, copy: copy()) : nil
    best = copy()
    best.requireGradients(false)
  }

  /// Starts from the weights as they are, with what was trained before the first step.
  func begin() { average?.module.copyState(from: trained) }

  /// Follows a step, counted from 1, and judges the weights where it is time to.
  func follow(step: Int, judge: (PlannerModel) -> Double) {
    // Young weights are soon forgotten.
    average?.follow(
      trained, momentum: min(configuration.averaging, Double(1 + step) / Double(10 + step)))
    guard step % configuration.everySteps == 0 else { return }
    let found = judge(current)
    // Of equals the later: it has seen more.
    guard found >= score ?? -1 else { return }
    best.copyState(from: current)
    score = found
  }

  /// What would be kept if the run ended here. The best so far stays what it is.
  func chosen(judge: (PlannerModel) -> Double) -> PlannerModel {
    guard let score else { return current }
    return judge(current) >= score ? current : best
  }

  private var current: PlannerModel { average?.module ?? trained }

  // MARK: Checkpoints

  /// The weights that are not the model: those that are trained, their average, the best.
  var state: [(name: String, tensor: Tensor)] {
    [("trained", trained), ("average", average?.module), ("best", score == nil ? nil : best)]
      .flatMap { name, model in
        (model?.state ?? []).map { (name: "\(name).\($0.name)", tensor: $0.tensor) }
      }
  }

  func restore(from file: SafetensorsFile, score: Double?) throws {
    self.score = score
    for (name, model) in [
      ("trained", trained), ("average", average?.module), ("best", score == nil ? nil : best),
    ] {
      guard let model else { continue }
      try withoutGradient {
        for entry in model.state {
          entry.tensor.assign(try file.tensor("\(name).\(entry.name)"))
        }
      }
    }
  }
}

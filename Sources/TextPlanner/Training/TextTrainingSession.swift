import Files
import Learning
import Logging
import Torch

/// One session of training a planner: from a file and settings to a finished or stopped run.
public struct TextTrainingSession {
  private let request: TrainingRequest

  /// - Parameters:
  ///   - file: JSON Lines of prompts and answers.
  ///   - output: the run folder.
  ///   - configurationFile: YAML; a resumed run starts from its own.
  ///   - overrides: `key=value`, on top of the file.
  ///   - isResuming: whether to go on from the run's last checkpoint.
  ///   - group: the processes that train together, each of which makes such a session; nil for one.
  public init(
    file: String, output: String, configurationFile: String? = nil, overrides: [String] = [],
    isResuming: Bool = false, group: ProcessGroup? = nil
  ) {
    request = TrainingRequest(
      input: file, output: output, configurationFile: configurationFile, overrides: overrides,
      isResuming: isResuming, group: group)
  }

  /// Trains; a signal to stop ends it after the step, with a checkpoint.
  ///
  /// - Throws: `TrainingError`, `RunError`, `TextDataError`, `PlannerError`: each says in one line what was
  ///   expected and found.
  @discardableResult
  public func run() throws -> TrainingOutcome {
    try TrainingSession(ExampleSource(), request).run()
  }
}

/// Prompts and answers of a file, for a planner to learn from.
struct ExampleSource: TrainingSource {
  static let command = "text"
  static let itemsName = "examples"

  func open(
    _ settings: TextTrainingConfiguration, for request: TrainingRequest, logger: Logger
  ) throws -> (configuration: TextTrainingConfiguration, dataset: TextDataset) {
    let dataset = try TextDataset(contentsOf: request.input, limits: settings.readingLimits)
    dataset.logSkipped(to: logger)
    return (try settings.resolved(for: dataset), dataset)
  }

  func introduction(
    _ learner: PlannerLearner, _ configuration: TextTrainingConfiguration
  ) -> String {
    "\(configuration.objective.family.rawValue) on \(learner.pairs.trained.count.counted("example")) "
      + "(\(learner.pairs.heldOut.count) held out), prompts to \(configuration.promptLength ?? 0) "
      + "and answers to \(configuration.answerLength ?? 0) symbols"
  }
}

import Files
import Learning
import Logging
import Torch
import TrainingRuns

/// One session of training a baseline: from a file and a planner to a finished or stopped run.
public struct BaselineTrainingSession {
  private let source: BaselineSource
  private let request: TrainingRequest

  /// - Parameters:
  ///   - file: JSON Lines of prompts and answers.
  ///   - output: the run folder.
  ///   - planner: the run or checkpoint of a planner, whose sizes, batches, steps and optimizer are taken.
  ///   - configurationFile: YAML, where there is no planner; a resumed run starts from its own.
  ///   - overrides: `key=value`, on top of that.
  ///   - isResuming: whether to go on from the run's last checkpoint.
  ///   - group: the processes that train together, each of which makes such a session; nil for one.
  public init(
    file: String, output: String, like planner: String? = nil, configurationFile: String? = nil,
    overrides: [String] = [], isResuming: Bool = false, group: ProcessGroup? = nil
  ) {
    source = BaselineSource(planner: planner)
    request = TrainingRequest(
      input: file, output: output, configurationFile: configurationFile, overrides: overrides,
      isResuming: isResuming, group: group)
  }

  /// Trains; a signal to stop ends it after the step, with a checkpoint.
  ///
  /// - Throws: `TrainingError`, `RunError`, `TextDataError`, `PlannerError`: each says in one line what was
  ///   expected and found.
  @discardableResult
  public func run() throws -> TrainingOutcome { try TrainingSession(source, request).run() }
}

/// Prompts and answers of a file, for a baseline to learn from.
struct BaselineSource: TrainingSource {
  static let command = "text-baseline"
  static let itemsName = "examples"
  /// The run or checkpoint of a planner that the baseline is to be like.
  let planner: String?

  /// What the run is to be: like the planner, or as it was, with the overrides on top.
  func settings(for request: TrainingRequest) throws -> BaselineConfiguration {
    guard let planner else {
      return try ConfigurationReader.read(
        BaselineConfiguration.self, file: request.settingsFile, overrides: request.overrides)
    }
    let checkpoint = try Checkpoint.open(at: planner)
    let like = BaselineConfiguration(
      like: try ConfigurationReader.read(
        TextTrainingConfiguration.self, file: checkpoint.file("config.yaml")),
      steps: max(1, checkpoint.step))
    return try ConfigurationReader.read(
      BaselineConfiguration.self, yaml: ConfigurationReader.yaml(of: like),
      source: checkpoint.path, overrides: request.overrides)
  }

  func open(
    _ settings: BaselineConfiguration, for request: TrainingRequest, logger: Logger
  ) throws -> (configuration: BaselineConfiguration, dataset: TextDataset) {
    let dataset = try TextDataset(contentsOf: request.input, limits: settings.readingLimits)
    dataset.logSkipped(to: logger)
    return (try settings.resolved(for: dataset), dataset)
  }

  func introduction(_ learner: BaselineLearner, _ configuration: BaselineConfiguration) -> String {
    "autoregressive baseline on \(learner.pairs.trained.count.counted("example"))"
  }
}

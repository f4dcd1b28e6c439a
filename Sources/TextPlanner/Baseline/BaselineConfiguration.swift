import EnergyDescent
import Learning
import TrainingRuns

/// Everything that decides how an autoregressive baseline is trained.
public struct BaselineConfiguration: TrainingConfiguration {
  /// What every random choice is made from.
  public var seed: UInt64 = 0
  public var duration = RunDuration.minutes(10)
  /// The longest prompt in symbols; by default that of the file's longest, at most 512.
  public var promptLength: Int? = nil
  /// The same for answers, at most 128.
  public var answerLength: Int? = nil
  /// Examples in a step.
  public var batchSize = 128
  /// The part of the examples that is not trained on, as for the planner.
  public var heldOutShare = 0.03
  public var model = PlannerConfiguration()
  public var optimizer = TextTrainingConfiguration.defaultOptimizer
  /// `cpu`, `cuda`, `cuda:INDEX` or `mps`.
  public var device = "cpu"
  /// Threads of one operation; by default one for each core, at most 4: the matrices are small.
  public var threads: Int? = nil
  /// Steps between lines of the log.
  public var logEverySteps = 50
  public var checkpoint = CheckpointConfiguration()

  public init() {}

  /// The same data, sizes, batches, optimizer and number of steps as a planner's run: as many examples are
  /// presented, none of the planner's held-out ones among them.
  public init(like planner: TextTrainingConfiguration, steps: Int) {
    seed = planner.seed
    duration = .steps(steps)
    promptLength = planner.promptLength
    answerLength = planner.answerLength
    batchSize = planner.batchSize
    heldOutShare = planner.heldOutShare
    model = planner.model
    optimizer = planner.optimizer
    device = planner.device
    threads = planner.threads
    logEverySteps = planner.logEverySteps
    checkpoint = planner.checkpoint
  }

  /// More do not pay: the matrices are small.
  public static let mostThreads = 4

  /// The settings that a resumed run may change.
  public static let changeable: Set<String> = [
    "duration", "threads", "logEverySteps", "checkpoint",
  ]

  /// The planner's settings that are read here too, for their bounds.
  private var plannerSettings: TextTrainingConfiguration {
    var settings = TextTrainingConfiguration()
    settings.promptLength = promptLength
    settings.answerLength = answerLength
    settings.batchSize = batchSize
    settings.heldOutShare = heldOutShare
    settings.model = model
    settings.optimizer = optimizer
    settings.threads = threads
    settings.logEverySteps = logEverySteps
    settings.checkpoint = checkpoint
    return settings
  }

  /// What examples may be at most, before the file is read.
  var readingLimits: TextLimits { plannerSettings.readingLimits }

  /// The configuration with the lengths decided.
  ///
  /// - Throws: `RunError.invalidValue`.
  func resolved(for dataset: TextDataset) throws -> BaselineConfiguration {
    let settings = try plannerSettings.resolved(for: dataset)
    var resolved = self
    resolved.promptLength = settings.promptLength
    resolved.answerLength = settings.answerLength
    return resolved
  }
}

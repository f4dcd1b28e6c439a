import EnergyDescent
import Learning
import Torch
import TrainingRuns

/// Everything that decides how a planner is trained.
public struct TextTrainingConfiguration: TrainingConfiguration {
  /// What every random choice is made from.
  public var seed: UInt64 = 0
  public var duration = RunDuration.minutes(10)
  /// The longest prompt in symbols; examples with longer ones are skipped. By default that of the file's
  /// longest, at most 512.
  public var promptLength: Int? = nil
  /// The same for answers, at most 128.
  public var answerLength: Int? = nil
  /// Examples in a step.
  public var batchSize = 128
  /// The part of the examples that is not trained on, 0…0.5: the answer autoencoder, the threshold and the
  /// metrics are judged by it.
  public var heldOutShare = 0.03
  public var model = PlannerConfiguration()
  public var autoencoder = AutoencoderConfiguration()
  public var objective = ObjectiveConfiguration()
  public var rollout = RolloutConfiguration()
  public var memory = MemoryConfiguration()
  public var keeping = KeepingConfiguration()
  public var optimizer = Self.defaultOptimizer
  /// `cpu`, `cuda`, `cuda:INDEX` or `mps`.
  public var device = "cpu"
  /// Threads of one operation; by default one for each core, at most 4: the matrices are small.
  public var threads: Int? = nil
  /// Steps between lines of the log.
  public var logEverySteps = 50
  public var checkpoint = CheckpointConfiguration()
  public var collapse = CollapseConfiguration()

  public init() {
    // Prompts share most of their symbols, and so their embeddings a large mean.
    collapse.minimumSpread = 0.002
  }

  /// With a strong decay: a planner that learns its answers by heart fails on new ones.
  static let defaultOptimizer = OptimizerConfiguration(
    learningRate: Schedule(peak: 2e-3, end: 1e-4, warmup: 0.04, shape: .cosine), weightDecay: 0.5,
    clipNorm: 1)

  /// More do not pay: the matrices are small.
  public static let mostThreads = 4

  public static let earlierDefaults = ["objective.step=gradient", "rollout.noise=0"]

  /// The settings that a resumed run may change.
  public static let changeable: Set<String> = [
    "duration", "threads", "logEverySteps", "checkpoint", "collapse",
  ]

  /// What examples may be at most, before the file is read.
  var readingLimits: TextLimits {
    TextLimits(promptLength: promptLength ?? 512, answerLength: answerLength ?? 128)
  }

  /// The configuration with the lengths decided.
  ///
  /// - Throws: `RunError.invalidValue`, `PlannerError.tooFewExamples`.
  public func resolved(for dataset: TextDataset) throws -> TextTrainingConfiguration {
    guard dataset.examples.count >= 2 else {
      throw PlannerError.tooFewExamples(path: dataset.path, found: dataset.examples.count)
    }
    var resolved = self
    resolved.promptLength = promptLength ?? dataset.longest.promptLength
    resolved.answerLength = answerLength ?? dataset.longest.answerLength
    resolved.rollout = rollout.resolved(along: objective.step)
    try resolved.validate()
    return resolved
  }

  /// Checks what would otherwise fail in the middle of training.
  ///
  /// - Throws: `RunError.invalidValue`.
  public func validate() throws {
    let check = SettingCheck()
    for (name, length) in [("promptLength", promptLength), ("answerLength", answerLength)] {
      try check((1...65_536).contains(length ?? 1), name, "1 to 65536, found \(length ?? 0)")
    }
    try check((2...65_536).contains(batchSize), "batchSize", "2 to 65536, found \(batchSize)")
    try check(
      heldOutShare > 0 && heldOutShare <= 0.5, "heldOutShare",
      "above 0, at most 0.5, found \(heldOutShare)")
    try validateTraining()
    try model.validate()
    try autoencoder.validate()
    try objective.validate()
    try rollout.validate(along: objective.step)
    try memory.validate()
    try keeping.validate()
  }
}

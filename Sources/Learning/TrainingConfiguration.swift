import EnergyDescent
import TrainingRuns

/// The settings that every run has, whatever it learns.
public protocol TrainingConfiguration: RunConfiguration {
  /// What every random choice is made from.
  var seed: UInt64 { get }
  var duration: RunDuration { get }
  /// Batches whose gradients are added up before an update.
  var accumulation: Int { get }
  var optimizer: OptimizerConfiguration { get }
  /// `cpu`, `cuda`, `cuda:INDEX` or `mps`.
  var device: String { get }
  /// Threads of one operation; nil for as many as libtorch takes, but `mostThreads`.
  var threads: Int? { get }
  /// Steps between lines of the log.
  var logEverySteps: Int { get }
  var checkpoint: CheckpointConfiguration { get }

  /// The settings that a resumed run may change.
  static var changeable: Set<String> { get }
  /// Threads that are worth taking where nothing is said.
  static var mostThreads: Int { get }
  /// What to change where a loss is no number.
  static var divergenceAdvice: String { get }
  /// What makes another run take less memory.
  static var memoryAdvice: String { get }
}

extension TrainingConfiguration {
  public var accumulation: Int { 1 }
  public static var mostThreads: Int { .max }
  public static var divergenceAdvice: String { "Lower optimizer.learningRate.peak." }
  public static var memoryAdvice: String {
    "A new run with a smaller batchSize or model takes less memory."
  }

  /// Checks the settings that every run has.
  ///
  /// - Throws: `RunError.invalidValue`.
  package func validateTraining() throws {
    let check = SettingCheck()
    try check(
      (1...65_536).contains(accumulation), "accumulation", "1 to 65536, found \(accumulation)")
    try check(logEverySteps >= 1, "logEverySteps", "at least 1, found \(logEverySteps)")
    try check((1...1024).contains(threads ?? 1), "threads", "1 to 1024, found \(threads ?? 0)")
    try checkpoint.validate()
    if let problem = optimizer.problem {
      throw RunError.invalidValue(path: "optimizer.\(problem.setting)", reason: problem.reason)
    }
  }
}

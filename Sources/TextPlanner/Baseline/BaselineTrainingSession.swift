import Foundation
import Logging
import Torch
import TrainingRuns

/// One session of training a baseline: from a file and a planner to a finished or stopped run.
public struct BaselineTrainingSession {
  private let file: String
  private let output: String
  private let planner: String?
  private let configurationFile: String?
  private let overrides: [String]
  private let isResuming: Bool
  private let logger = Logger(label: "jepa")

  /// - Parameters:
  ///   - file: JSON Lines of prompts and answers.
  ///   - output: the run folder.
  ///   - planner: the run or checkpoint of a planner, whose sizes, batches, steps and optimizer are
  ///     taken.
  ///   - configurationFile: YAML, where there is no planner; a resumed run starts from its own.
  ///   - overrides: `key=value`, on top of that.
  ///   - isResuming: whether the run in `output` goes on from its last checkpoint.
  public init(
    file: String, output: String, like planner: String? = nil, configurationFile: String? = nil,
    overrides: [String] = [], isResuming: Bool = false
  ) {
    self.file = file
    self.output = output
    self.planner = planner
    self.configurationFile = configurationFile
    self.overrides = overrides
    self.isResuming = isResuming
  }

  /// Trains; a signal to stop ends it after the step, with a checkpoint.
  ///
  /// - Throws: `TrainingError`, `RunError`, `TextDataError`, `PlannerError`: each says in one line what was
  ///   expected and found.
  @discardableResult
  public func run() throws -> TextTrainingOutcome {
    let resumed = isResuming ? try RunFolder.resume(at: output, logger: logger) : nil
    let unresolved = try settings()
    let dataset = try TextDataset(contentsOf: file, limits: unresolved.readingLimits)
    dataset.logSkipped(to: logger)
    let configuration = try unresolved.resolved(for: dataset)
    let folder = try open(resumed, configuration)
    let trainer = try BaselineTrainer(
      configuration, dataset: dataset, run: folder, isResuming: isResuming)
    // Only now is it sure that the run goes on as it is asked to.
    if isResuming { try folder.write(configuration: configuration) }
    logger.info(
      """
      autoregressive baseline on \(trainer.trainedCount) examples, \
      \(String(format: "%.2f", Double(trainer.parameterCount) / 1e6)) million weights, \
      \(configuration.duration)
      """)
    logger.tellStart(after: trainer.resumedFrom, isResuming: isResuming)

    let signal = StopSignal()
    defer { signal.restore() }
    let outcome = try trainer.train(
      reporter: ProgressReporter(duration: configuration.duration, itemsName: "examples"),
      shouldStop: { signal.isRequested })
    conclude(outcome, stoppedBy: signal.name)
    return outcome
  }

  /// What the run is to be: like the planner, or as it was, with the overrides on top.
  private func settings() throws -> BaselineConfiguration {
    guard let planner else {
      return try ConfigurationReader.read(
        BaselineConfiguration.self,
        file: configurationFile ?? (isResuming ? "\(output)/config.yaml" : nil),
        overrides: overrides)
    }
    let checkpoint = try Checkpoint.open(at: planner)
    let like = BaselineConfiguration(
      like: try ConfigurationReader.read(
        TextTrainingConfiguration.self, file: checkpoint.file("config.yaml")),
      steps: max(1, checkpoint.step))
    return try ConfigurationReader.read(
      BaselineConfiguration.self, yaml: ConfigurationReader.yaml(of: like),
      source: checkpoint.path, overrides: overrides)
  }

  private func open(
    _ resumed: RunFolder?, _ configuration: BaselineConfiguration
  ) throws -> RunFolder {
    if let resumed {
      try resumed.checkResumable(with: configuration, allowing: BaselineConfiguration.changeable)
      return resumed
    }
    // Asked before anything is made, so that the same command can be corrected and given again.
    _ = try Device(configuration.device)
    let folder = try RunFolder.create(at: output, logger: logger)
    try folder.write(configuration: configuration)
    return folder
  }

  private func conclude(_ outcome: TextTrainingOutcome, stoppedBy signal: String?) {
    let rate = Double(outcome.examples) / max(outcome.seconds, 1e-9)
    logger.info(
      """
      \(outcome.progress.step) steps, \(String(format: "%.1f", outcome.progress.epoch)) epochs; \
      \(String(format: "%.0f", rate)) examples/s, peak memory \(PeakMemory.mebibytes) MiB
      """)
    logger.info("checkpoint: \(outcome.checkpoint.path)")
    if !outcome.isFinished {
      logger.tellHowToGoOn(
        stoppedBy: signal, with: "train", "text-baseline", file, "--output", output)
    }
  }
}

import Foundation
import Logging
import Torch
import TrainingRuns

/// One session of training a planner: from a file and settings to a finished or stopped run.
public struct TextTrainingSession {
  private let file: String
  private let output: String
  private let configurationFile: String?
  private let overrides: [String]
  private let isResuming: Bool
  private let logger = Logger(label: "jepa")

  /// - Parameters:
  ///   - file: JSON Lines of prompts and answers.
  ///   - output: the run folder.
  ///   - configurationFile: YAML; a resumed run starts from its own.
  ///   - overrides: `key=value`, on top of the file.
  ///   - isResuming: whether the run in `output` goes on from its last checkpoint.
  public init(
    file: String, output: String, configurationFile: String? = nil, overrides: [String] = [],
    isResuming: Bool = false
  ) {
    self.file = file
    self.output = output
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
    let settings = configurationFile ?? (isResuming ? "\(output)/config.yaml" : nil)
    let resumed = isResuming ? try RunFolder.resume(at: output, logger: logger) : nil
    let unresolved = try ConfigurationReader.read(
      TextTrainingConfiguration.self, file: settings, overrides: overrides)
    let dataset = try TextDataset(contentsOf: file, limits: unresolved.readingLimits)
    dataset.logSkipped(to: logger)
    let configuration = try unresolved.resolved(for: dataset)
    let folder = try open(resumed, configuration)
    let trainer = try TextTrainer(
      configuration, dataset: dataset, run: folder, isResuming: isResuming, logger: logger)
    // Only now is it sure that the run goes on as it is asked to.
    if isResuming { try folder.write(configuration: configuration) }
    announce(trainer, configuration)

    let signal = StopSignal()
    defer { signal.restore() }
    let outcome = try trainer.train(
      reporter: ProgressReporter(duration: configuration.duration, itemsName: "examples"),
      shouldStop: { signal.isRequested })
    conclude(outcome, stoppedBy: signal.name)
    return outcome
  }

  private func open(
    _ resumed: RunFolder?, _ configuration: TextTrainingConfiguration
  ) throws -> RunFolder {
    if let resumed {
      try resumed.checkResumable(
        with: configuration, allowing: TextTrainingConfiguration.changeable)
      return resumed
    }
    // Asked before anything is made, so that the same command can be corrected and given again.
    _ = try Device(configuration.device)
    let folder = try RunFolder.create(at: output, logger: logger)
    try folder.write(configuration: configuration)
    return folder
  }

  // MARK: What is said

  private func announce(_ trainer: TextTrainer, _ configuration: TextTrainingConfiguration) {
    logger.info(
      """
      \(configuration.objective.family.rawValue) on \(trainer.trainedCount) examples \
      (\(trainer.heldOutCount) held out), prompts to \(configuration.promptLength ?? 0) and answers \
      to \(configuration.answerLength ?? 0) symbols, \
      \(String(format: "%.2f", Double(trainer.parameterCount) / 1e6)) million weights, \
      \(configuration.duration)
      """)
    logger.tellStart(after: trainer.resumedFrom, isResuming: isResuming)
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
        stoppedBy: signal, with: "train", "text", file, "--output", output)
    }
  }
}

import Foundation
import Logging
import Torch
import TrainingRuns

/// One session of training on pictures: from a folder and settings to a finished or stopped run.
public struct ImageTrainingSession {
  private let folder: String
  private let output: String
  private let configurationFile: String?
  private let overrides: [String]
  private let isResuming: Bool
  private let logger = Logger(label: "jepa")

  /// - Parameters:
  ///   - folder: of pictures.
  ///   - output: the run folder.
  ///   - configurationFile: YAML; a resumed run starts from its own.
  ///   - overrides: `key=value`, on top of the file.
  ///   - isResuming: whether the run in `output` goes on from its last checkpoint.
  public init(
    folder: String, output: String, configurationFile: String? = nil, overrides: [String] = [],
    isResuming: Bool = false
  ) {
    self.folder = folder
    self.output = output
    self.configurationFile = configurationFile
    self.overrides = overrides
    self.isResuming = isResuming
  }

  /// Trains; a signal to stop ends it after the step, with a checkpoint.
  ///
  /// - Throws: `TrainingError`, `RunError`, `ImageError`: each says in one line what was expected and found.
  @discardableResult
  public func run() throws -> TrainingOutcome {
    let pictures = try ImageFolder(folder)
    pictures.logSkipped(to: logger)
    let (configuration, runFolder) = try open(pictures)
    let trainer = try ImageTrainer(
      configuration, folder: pictures, run: runFolder, isResuming: isResuming, logger: logger)
    // Only now is it sure that the run goes on as it is asked to.
    if isResuming { try runFolder.write(configuration: configuration) }
    announce(trainer, configuration)

    let signal = StopSignal()
    defer { signal.restore() }
    defer { trainer.loading.failures.log(to: logger) }
    let outcome = try trainer.train(
      reporter: ProgressReporter(duration: configuration.duration),
      shouldStop: { signal.isRequested })
    conclude(outcome, stoppedBy: signal.name)
    return outcome
  }

  /// The resolved configuration, and the run folder, new or resumed.
  private func open(
    _ pictures: ImageFolder
  ) throws -> (ImageTrainingConfiguration, RunFolder) {
    if isResuming {
      let runFolder = try RunFolder.resume(at: output, logger: logger)
      let file = configurationFile ?? "\(output)/config.yaml"
      let configuration = try ConfigurationReader.read(
        ImageTrainingConfiguration.self, file: file, overrides: overrides
      ).resolved(for: pictures)
      try configuration.checkMemory()
      if configuration.loader.isStrict { try pictures.requireReadable() }
      try runFolder.checkResumable(
        with: configuration, allowing: ImageTrainingConfiguration.changeable)
      return (configuration, runFolder)
    }
    let configuration = try ConfigurationReader.read(
      ImageTrainingConfiguration.self, file: configurationFile, overrides: overrides
    ).resolved(for: pictures)
    try configuration.checkMemory()
    if configuration.loader.isStrict { try pictures.requireReadable() }
    // Asked before anything is made, so that the same command can be corrected and given again.
    _ = try Device(configuration.device)
    if configuration.encoder.initial != nil {
      _ = try configuration.encoder.makeEncoder(
        imageSize: configuration.imageSize ?? 0, using: RandomGenerator(seed: 0))
    }
    let runFolder = try RunFolder.create(at: output, logger: logger)
    try runFolder.write(configuration: configuration)
    return (configuration, runFolder)
  }

  // MARK: What is said

  private func announce(_ trainer: ImageTrainer, _ configuration: ImageTrainingConfiguration) {
    let size = configuration.imageSize ?? 0
    let grid = size / (configuration.encoder.patchSize ?? 1)
    logger.info(
      """
      \(configuration.method.name.rawValue) on \(trainer.pictureCount) pictures at \(size) pixels, \
      \(configuration.encoder.name) with \(grid)x\(grid) tokens, \
      \(String(format: "%.2f", Double(trainer.parameterCount) / 1e6)) million weights, \
      \(configuration.duration)
      """)
    logger.tellStart(after: trainer.resumedFrom, isResuming: isResuming)
  }

  private func conclude(_ outcome: TrainingOutcome, stoppedBy signal: String?) {
    let loading = outcome.loading
    let rate = Double(loading.items) / max(loading.elapsedSeconds, 1e-9)
    logger.info(
      """
      \(outcome.progress.step) steps, \(String(format: "%.1f", outcome.progress.epoch)) epochs; \
      \(String(format: "%.0f", rate)) images/s, \
      \(String(format: "%.1f", 100 * loading.waitingShare)) % of the time waiting for pictures, \
      peak memory \(PeakMemory.mebibytes) MiB
      """)
    logger.info("checkpoint: \(outcome.checkpoint.path)")
    if !outcome.isFinished {
      logger.tellHowToGoOn(
        stoppedBy: signal, with: "train", "images", folder, "--output", output)
    }
  }
}

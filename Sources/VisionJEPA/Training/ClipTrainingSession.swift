import Foundation
import Logging
import Torch
import TrainingRuns

/// One session of training on clips: from a folder and settings to a finished or stopped run.
public struct ClipTrainingSession {
  private let folder: String
  private let output: String
  private let configurationFile: String?
  private let overrides: [String]
  private let isResuming: Bool
  private let logger = Logger(label: "jepa")

  /// - Parameters:
  ///   - folder: of videos and folders of frames.
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
  /// - Throws: `TrainingError`, `RunError`, `FrameError`, `ClipError`, `ImageError`, `ModelError`: each says
  ///   in one line what was expected and found.
  @discardableResult
  public func run() throws -> TrainingOutcome {
    let clips = try ClipFolder(folder)
    let configuration = try readConfiguration()
    let (library, report) = try ClipReader(
      size: configuration.frameSize, windowLength: configuration.windowLength,
      byteBudget: configuration.memoryMebibytes << 20, isStrict: configuration.loader.isStrict
    ).read(clips) { clip in
      let cuts = clip.cuts.isEmpty ? "" : ", cuts at \(Self.list(clip.cuts))"
      logger.info("\(clip.path): \(clip.frameCount) frames\(cuts)")
      if let damage = clip.damage { logger.warning("\(clip.path) is damaged: \(damage)") }
    }
    tell(report, configuration)
    let synthetic = try configuration.synthetic.makeClips()

    let runFolder = try openRun(configuration)
    let trainer = try ClipTrainer(
      configuration, library: library, synthetic: synthetic, run: runFolder,
      isResuming: isResuming, logger: logger)
    announce(trainer, library, configuration)

    let signal = StopSignal()
    defer { signal.restore() }
    let outcome = try trainer.train(
      reporter: ProgressReporter(duration: configuration.duration, itemsName: "frames"),
      shouldStop: { signal.isRequested })
    conclude(outcome, configuration, stoppedBy: signal.name)
    return outcome
  }

  private func readConfiguration() throws -> ClipTrainingConfiguration {
    if isResuming, !FileManager.default.fileExists(atPath: "\(output)/config.yaml") {
      throw RunError.notARun(path: output, missing: "config.yaml")
    }
    let file = configurationFile ?? (isResuming ? "\(output)/config.yaml" : nil)
    let configuration = try ConfigurationReader.read(
      ClipTrainingConfiguration.self, file: file, overrides: overrides)
    try configuration.validate()
    // Asked before anything is made, so that the same command can be corrected and given again.
    _ = try Device(configuration.device)
    return configuration
  }

  private func openRun(_ configuration: ClipTrainingConfiguration) throws -> RunFolder {
    let runFolder: RunFolder
    if isResuming {
      runFolder = try RunFolder.resume(at: output, logger: logger)
      try runFolder.checkResumable(
        with: configuration, allowing: ClipTrainingConfiguration.changeable)
    } else {
      runFolder = try RunFolder.create(at: output, logger: logger)
    }
    try runFolder.write(configuration: configuration)
    return runFolder
  }

  // MARK: What is said

  private static func list(_ cuts: [Int]) -> String {
    let shown = cuts.prefix(12).map(String.init).joined(separator: ", ")
    return cuts.count > 12 ? "\(shown) and \(cuts.count - 12) more" : shown
  }

  private func tell(_ report: ClipReadingReport, _ configuration: ClipTrainingConfiguration) {
    for error in report.skipped.prefix(5) { logger.warning("\(error)") }
    if report.skipped.count > 5 {
      logger.warning("\(report.skipped.count - 5) more files were left out")
    }
    if !report.leftOut.isEmpty {
      logger.warning(
        """
        \(report.leftOut.count) clips were not read to their end: all frames may take \
        memoryMebibytes=\(configuration.memoryMebibytes); the first is \(report.leftOut[0])
        """)
    }
    if report.unusedFrameCount > 0 {
      logger.notice(
        """
        \(report.unusedFrameCount) frames lie in shots shorter than \
        \(configuration.windowLength) frames and are not learned from
        """)
    }
  }

  private func announce(
    _ trainer: ClipTrainer, _ library: ClipLibrary, _ configuration: ClipTrainingConfiguration
  ) {
    let share = configuration.synthetic.share
    logger.info(
      """
      \(trainer.windowCount) windows from \(library.frameCount) frames in \(library.shots.count) shots \
      at \(configuration.frameSize) pixels (\(library.byteCount >> 20) MiB)\
      \(share > 0 ? ", \(Int((100 * share).rounded())) % of windows made up" : ""), \
      \(String(format: "%.2f", Double(trainer.parameterCount) / 1e6)) million weights, \
      \(configuration.duration)
      """)
    logger.tellStart(after: trainer.resumedFrom, isResuming: isResuming)
  }

  private func conclude(
    _ outcome: TrainingOutcome, _ configuration: ClipTrainingConfiguration,
    stoppedBy signal: String?
  ) {
    let loading = outcome.loading
    let frames = loading.items * configuration.windowLength
    let rate = Double(frames) / max(loading.elapsedSeconds, 1e-9)
    logger.info(
      """
      \(outcome.progress.step) steps, \(String(format: "%.1f", outcome.progress.epoch)) epochs; \
      \(String(format: "%.0f", rate)) frames/s, \
      \(String(format: "%.1f", 100 * loading.waitingShare)) % of the time waiting for frames, \
      peak memory \(PeakMemory.mebibytes) MiB
      """)
    logger.info("checkpoint: \(outcome.checkpoint.path)")
    if !outcome.isFinished {
      logger.tellHowToGoOn(
        stoppedBy: signal, with: "train", "video", folder, "--output", output)
    }
  }
}

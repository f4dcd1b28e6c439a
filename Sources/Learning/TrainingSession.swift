import Files
import Foundation
import Logging
import Torch
import TrainingRuns

/// What a session of training is asked to do.
package struct TrainingRequest {
  /// The folder or file that is learned from.
  package var input: String
  /// The run folder.
  package var output: String
  /// YAML; a resumed run starts from its own where this is nil.
  package var configurationFile: String?
  /// `key=value`, on top of the file.
  package var overrides: [String]
  package var isResuming: Bool
  /// The processes that train together; nil for one.
  package var group: ProcessGroup?

  package init(
    input: String, output: String, configurationFile: String?, overrides: [String],
    isResuming: Bool, group: ProcessGroup? = nil
  ) {
    self.group = group
    self.input = input
    self.output = output
    self.configurationFile = configurationFile
    self.overrides = overrides
    self.isResuming = isResuming
  }

  /// The file that settings come from: a resumed run's own where none is named.
  package var settingsFile: String? {
    configurationFile ?? (isResuming ? "\(output)/config.yaml" : nil)
  }
}

/// Where a session gets what it trains: settings and data to a learner.
package protocol TrainingSource {
  associatedtype Trainee: Learner
  /// The command after `jepa train`.
  static var command: String { get }
  /// What is counted per second.
  static var itemsName: String { get }

  /// The settings before any data are read.
  func settings(for request: TrainingRequest) throws -> Trainee.Configuration
  /// Reads the data, decides what depends on them, and checks all that can be checked before anything is
  /// made.
  func open(
    _ settings: Trainee.Configuration, for request: TrainingRequest, logger: Logger
  ) throws -> (configuration: Trainee.Configuration, dataset: Trainee.Dataset)
  /// What is trained on what.
  func introduction(_ learner: Trainee, _ configuration: Trainee.Configuration) -> String
}

extension TrainingSource {
  package func settings(for request: TrainingRequest) throws -> Trainee.Configuration {
    try ConfigurationReader.read(
      Trainee.Configuration.self, file: request.settingsFile, overrides: request.overrides,
      isOfRun: request.isResuming)
  }
}

/// One session of training: from data and settings to a finished or stopped run.
package struct TrainingSession<Source: TrainingSource> {
  private typealias Trainee = Source.Trainee

  private let source: Source
  private let request: TrainingRequest
  private let logger = Logger(label: "jepa")

  package init(_ source: Source, _ request: TrainingRequest) {
    self.source = source
    self.request = request
  }

  /// Trains; a signal to stop ends it after the step, with a checkpoint. Of several processes the first writes and reports.
  ///
  /// - Throws: `ToldByAnotherProcess` in a process whose failure another one tells of; else
  ///   `TrainingError`, `RunError`, `ProcessGroupError`, and what the source and the learner throw: each says in one line
  ///   what was expected and found.
  package func run() throws -> TrainingOutcome {
    let group = request.group
    let isWriting = group?.isFirst ?? true
    let resumed =
      request.isResuming && isWriting
      ? try RunFolder.resume(at: request.output, logger: logger) : nil
    let settings = try source.settings(for: request)
    // Asked before anything is made, so that the same command can be corrected and given again.
    _ = try Device(settings.device)
    let (configuration, dataset) = try source.open(settings, for: request, logger: logger)
    try resumed?.checkResumable(with: configuration, allowing: Trainee.Configuration.changeable)
    let run =
      isWriting ? try resumed ?? RunFolder.create(at: request.output, logger: logger) : nil
    let loop = try TrainingLoop<Trainee>(
      configuration, dataset: dataset, run: run, isResuming: request.isResuming, group: group)
    if let outcome = loop.finished {
      logger.notice(
        """
        \(request.output) has reached its end, \(configuration.duration): nothing to do; to \
        train on, give more --epochs, --steps or --minutes
        """)
      return outcome
    }
    if isWriting { introduce(loop, configuration) }
    // From here on what this process says is its own: which pictures it replaced.
    StatusLine.standardError.mute(false)

    let signal = StopSignal()
    defer { signal.restore() }
    let outcome = try loop.train(
      reporter: ProgressReporter(duration: configuration.duration, itemsName: Source.itemsName),
      shouldStop: { signal.isRequested })
    if isWriting { conclude(outcome, stoppedBy: signal.name) }
    return outcome
  }

  // MARK: What is said

  private func introduce(_ loop: TrainingLoop<Trainee>, _ configuration: Trainee.Configuration) {
    logger.info(
      """
      \(source.introduction(loop.learner, configuration)), \
      \(String(format: "%.2f", Double(loop.learner.parameterCount) / 1e6)) million weights, \
      \(configuration.duration)
      """)
    logger.tellStart(after: loop.lastCheckpoint, isResuming: request.isResuming)
  }

  private func conclude(_ outcome: TrainingOutcome, stoppedBy signal: String?) {
    let seconds = max(outcome.seconds, 1e-9)
    let waiting = outcome.waitingSeconds.map {
      String(format: "%.1f", 100 * min(1, $0 / seconds))
        + " % of the time waiting for \(Source.itemsName), "
    }
    logger.info(
      """
      \(outcome.progress.step) steps, \(String(format: "%.1f", outcome.progress.epoch)) epochs; \
      \(String(format: "%.0f", Double(outcome.items) / seconds)) \(Source.itemsName)/s, \
      \(waiting ?? "")peak memory \(PeakMemory.mebibytes) MiB
      """)
    logger.info("checkpoint: \(outcome.checkpoint.path)")
    if !outcome.isFinished {
      logger.tellHowToGoOn(
        stoppedBy: signal, with: "train", Source.command, request.input, "--output",
        request.output)
    }
  }
}

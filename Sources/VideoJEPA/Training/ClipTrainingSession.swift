import Files
import Foundation
import Learning
import Logging
import Torch

/// One session of training on clips: from a folder and settings to a finished or stopped run.
public struct ClipTrainingSession {
  private let request: TrainingRequest

  /// - Parameters:
  ///   - folder: of videos and folders of frames.
  ///   - output: the run folder.
  ///   - configurationFile: YAML; a resumed run starts from its own.
  ///   - overrides: `key=value`, on top of the file.
  ///   - isResuming: whether to go on from the run's last checkpoint.
  ///   - group: the processes that train together, each of which makes such a session; nil for one.
  public init(
    folder: String, output: String, configurationFile: String? = nil, overrides: [String] = [],
    isResuming: Bool = false, group: ProcessGroup? = nil
  ) {
    request = TrainingRequest(
      input: folder, output: output, configurationFile: configurationFile, overrides: overrides,
      isResuming: isResuming, group: group)
  }

  /// Trains; a signal to stop ends it after the step, with a checkpoint.
  ///
  /// - Throws: `TrainingError`, `RunError`, `FrameError`, `ClipError`, `ImageError`, `ModelError`: each says
  ///   in one line what was expected and found.
  @discardableResult
  public func run() throws -> TrainingOutcome { try TrainingSession(ClipSource(), request).run() }
}

/// Videos and folders of frames, to learn from.
struct ClipSource: TrainingSource {
  static let command = "video"
  static let itemsName = "frames"

  func open(
    _ configuration: ClipTrainingConfiguration, for request: TrainingRequest, logger: Logger
  ) throws -> (configuration: ClipTrainingConfiguration, dataset: ClipLearner.Dataset) {
    try configuration.validate()
    let clips = try ClipFolder(request.input)
    let (library, report) = try ClipReader(
      size: configuration.frameSize, windowLength: configuration.windowLength,
      byteBudget: configuration.memoryMebibytes << 20, isStrict: configuration.loader.isStrict,
      decoder: configuration.decoder
    ).read(clips) { clip in
      let cuts = clip.cuts.isEmpty ? "" : ", cuts at \(Self.list(clip.cuts))"
      logger.info("\(clip.path): \(clip.frameCount) frames\(cuts)")
      if let damage = clip.damage { logger.warning("\(clip.path) is damaged: \(damage)") }
    }
    tell(report, configuration, to: logger)
    let synthetic = try configuration.synthetic.makeClips()
    return (configuration, ClipLearner.Dataset(library: library, synthetic: synthetic))
  }

  func introduction(_ learner: ClipLearner, _ configuration: ClipTrainingConfiguration) -> String {
    let (library, share) = (learner.dataset.library, configuration.synthetic.share)
    return
      "\(learner.items.count.counted("window")) from \(library.frameCount.counted("frame")) in "
      + "\(library.shots.count.counted("shot")) at \(configuration.frameSize) pixels "
      + "(\(library.byteCount >> 20) MiB)"
      + (share > 0 ? ", \(Int((100 * share).rounded())) % of windows made up" : "")
  }

  private static func list(_ cuts: [Int]) -> String {
    let shown = cuts.prefix(12).map(String.init).joined(separator: ", ")
    return cuts.count > 12 ? "\(shown) and \(cuts.count - 12) more" : shown
  }

  private func tell(
    _ report: ClipReadingReport, _ configuration: ClipTrainingConfiguration, to logger: Logger
  ) {
    for error in report.skipped.prefix(5) { logger.warning("\(error)") }
    if report.skipped.count > 5 {
      logger.warning("\(report.skipped.count - 5) more files were left out")
    }
    if !report.leftOut.isEmpty {
      logger.warning(
        """
        \(report.leftOut.count.counted("clip")) could not be read to the end: all frames may take \
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
}

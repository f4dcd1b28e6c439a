import Files
import Foundation
import Learning
import Logging
import Pictures
import Torch

/// One session of training on pictures: from a folder and settings to a finished or stopped run.
public struct ImageTrainingSession {
  private let request: TrainingRequest

  /// - Parameters:
  ///   - folder: of pictures.
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
  /// - Throws: `TrainingError`, `RunError`, `ImageError`: each says in one line what was expected and found.
  @discardableResult
  public func run() throws -> TrainingOutcome {
    try TrainingSession(PictureSource(), request).run()
  }
}

/// Pictures of a folder, to learn from.
struct PictureSource: TrainingSource {
  static let command = "images"
  static let itemsName = "images"

  func open(
    _ settings: ImageTrainingConfiguration, for request: TrainingRequest, logger: Logger
  ) throws -> (configuration: ImageTrainingConfiguration, dataset: ImageFolder) {
    let pictures = try ImageFolder(request.input)
    pictures.logSkipped(to: logger)
    let configuration = try settings.resolved(for: pictures)
    try configuration.checkMemory()
    if pictures.holdsOnePicture {
      logger.warning(
        """
        \(request.input): \(pictures.count == 1 ? "there is one picture" : "all \(pictures.count) pictures are the same"): \
        nothing tells one from another, and their embeddings will be one point
        """)
    }
    if configuration.loader.isStrict { try pictures.requireReadable() }
    if !request.isResuming, configuration.encoder.initial != nil {
      _ = try configuration.encoder.makeEncoder(
        imageSize: configuration.imageSize ?? 0, using: RandomGenerator(seed: 0))
    }
    return (configuration, pictures)
  }

  func introduction(
    _ learner: ImageLearner, _ configuration: ImageTrainingConfiguration
  ) -> String {
    let size = configuration.imageSize ?? 0
    let grid = size / (configuration.encoder.patchSize ?? 1)
    return
      "\(configuration.method.name.rawValue) on \(learner.items.count.counted("picture")) at \(size) "
      + "pixels, \(configuration.encoder.name) with \(grid)x\(grid) tokens"
  }
}

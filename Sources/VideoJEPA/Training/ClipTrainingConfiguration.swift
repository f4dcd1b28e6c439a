import EnergyDescent
import Foundation
import ImageJEPA
import Learning
import Pictures
import Torch
import TrainingRuns

/// Made-up clips among the real ones.
public struct SyntheticConfiguration: RunConfiguration {
  /// The share of windows that are made up, 0…1.
  public var share: Float = 0
  /// A folder of pictures that move in them; without one they are shapes.
  public var pictures: String? = nil

  public init() {}
}

/// Everything that decides how a model is trained on clips.
public struct ClipTrainingConfiguration: TrainingConfiguration {
  /// What every random choice is made from.
  public var seed: UInt64 = 0
  public var duration = RunDuration.minutes(20)
  /// Side of the square that frames are scaled to, in pixels.
  public var frameSize = 64
  /// Frames of a window that is learned from.
  public var windowLength = 8
  /// Windows in a step.
  public var batchSize = 8
  /// D, the width of a token of the encoder of frames.
  public var tokenWidth = 96
  /// A checkpoint of `jepa train images` whose encoder is where training starts.
  public var initial: String? = nil
  public var predictor = ClipPredictorConfiguration()
  public var method = ClipMethodConfiguration()
  public var augmentation = ClipAugmentation()
  public var synthetic = SyntheticConfiguration()
  public var optimizer = OptimizerConfiguration(
    matrices: .adamW,
    learningRate: Schedule(peak: 1.5e-3, end: 0, warmup: 0.02, shape: .trapezoid),
    weightDecay: 0.01, clipNorm: 1)
  public var precision = Precision.automatic
  /// `cpu`, `cuda`, `cuda:INDEX` or `mps`.
  public var device = "cpu"
  /// Threads of one operation; by default one for each core.
  public var threads: Int? = nil
  /// What all decoded frames may take together, in MiB; videos beyond that are left out.
  public var memoryMebibytes = 2048
  public var loader = LoaderOptions()
  /// How the pictures of frame folders are decoded.
  public var decoder = ImageDecoder()
  /// Steps between lines of the log.
  public var logEverySteps = 20
  public var checkpoint = CheckpointConfiguration()
  public var collapse = CollapseConfiguration()
  public var slowFeatures = SlowFeatureConfiguration()

  public init() {}

  /// The settings that a resumed run may change.
  public static let changeable: Set<String> = [
    "duration", "threads", "loader", "logEverySteps", "checkpoint", "collapse", "slowFeatures",
  ]

  public static let divergenceAdvice = ImageTrainingConfiguration.divergenceAdvice

  /// The model that training starts from, its weights drawn from `generator` where none are given.
  ///
  /// - Throws: as `ImageModel.load`; `ModelError` for an encoder that does not fit.
  func makeModel(using generator: RandomGenerator) throws -> ClipModel {
    guard let initial else {
      return try ClipModel(
        ClipModelDescription(
          frameSize: frameSize, tokenWidth: tokenWidth, predictor: predictor), using: generator)
    }
    let start = try ImageModel.load(from: initial)
    let model = try ClipModel(
      ClipModelDescription(around: start, frameSize: frameSize, predictor: predictor),
      path: start.path, using: generator)
    model.encoder.copyState(from: start.encoder)
    return model
  }

  /// Checks what would otherwise fail in the middle of training.
  ///
  /// - Throws: `RunError.invalidValue`, `ImageError.invalidSetting`.
  public func validate() throws {
    let check = SettingCheck()
    try check(
      (16...1024).contains(frameSize) && frameSize % 8 == 0, "frameSize",
      "a multiple of 8 from 16 to 1024 pixels, found \(frameSize)")
    try check(
      (5...48).contains(windowLength), "windowLength",
      "5 to 48 frames, for a middle frame needs two on either side; found \(windowLength)")
    try check((1...4096).contains(batchSize), "batchSize", "1 to 4096, found \(batchSize)")
    try check(
      (1...768).contains(tokenWidth), "tokenWidth",
      "1 to 768, the components of a patch, found \(tokenWidth)")
    try check(
      (0...1).contains(synthetic.share), "synthetic.share",
      "a share from 0 to 1, found \(synthetic.share)")
    try check(
      (1...1_048_576).contains(memoryMebibytes), "memoryMebibytes",
      "1 to 1048576, found \(memoryMebibytes)")
    try validateTraining()
    try check(
      slowFeatures.minimumShare >= 0 && slowFeatures.patience >= 1, "slowFeatures",
      "a minimumShare of 0 or more and a patience of at least 1")
    try predictor.validate()
    try method.validate()
    try augmentation.validate()
    try loader.validate()
  }
}

extension SyntheticConfiguration {
  /// The clips; nil where none are wanted.
  ///
  /// - Throws: `ImageError` where the folder of pictures cannot be read.
  func makeClips() throws -> MadeUpClips? {
    guard share > 0 else { return nil }
    return try pictures.map { try MadeUpClips(folder: $0) } ?? MadeUpClips()
  }
}

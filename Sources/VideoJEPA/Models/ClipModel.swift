import Files
import Foundation
import ImageJEPA
import Pictures
import Torch
import TrainingRuns

/// An encoder of frames and the predictor that was trained with it: the folder with `config.json`,
/// `model.safetensors` (the encoder) and `predictor.safetensors`.
public final class ClipModel {
  public let encoder: VisionEncoder
  public let predictor: SpaceTimePredictor
  public let description: ClipModelDescription
  /// What explains a transition, by the distances between tokens; nil where none was fitted for the encoder.
  public var hypotheses: TransitionHypotheses?

  /// Side of the square that frames are scaled to, in pixels.
  public var frameSize: Int { description.frameSize }

  static let weightsName = "model.safetensors"
  static let predictorName = "predictor.safetensors"
  static let configurationName = "config.json"
  /// `jepa train transitions --checkpoint` puts it into a checkpoint.
  static let hypothesesName = "hypotheses.json"
  /// Everything that a model is.
  static let fileNames = [weightsName, predictorName, configurationName]

  /// Makes a model with fresh weights.
  ///
  /// - Throws: `ModelError` where the description makes no sense.
  public init(
    _ description: ClipModelDescription, path: String = "the model",
    using generator: RandomGenerator
  ) throws {
    self.description = description
    encoder = try description.makeEncoder(path: path, using: generator)
    predictor = SpaceTimePredictor(
      tokenWidth: encoder.width, configuration: description.predictor, using: generator)
    // Frames must not meet in a batch norm's statistics: it would carry a target into its context.
    encoder.train(false)
  }

  /// The parts with the names that their weights start with.
  var parts: [(name: String, module: Module)] {
    [("encoder", encoder), ("predictor", predictor)]
  }

  public func move(to device: Device) {
    for part in parts { part.module.move(to: device) }
  }

  /// Opens the model in a run folder (its latest checkpoint) or a checkpoint's own folder.
  ///
  /// - Throws: `RunError` where the checkpoint is missing or damaged, `ModelError`, `SafetensorsError`,
  ///   `TorchError.stateMismatch`.
  public static func load(from path: String, device: Device = .cpu) throws -> ClipModel {
    try load(Checkpoint.open(at: path), device: device)
  }

  /// The model in a checkpoint that was verified when it was opened.
  static func load(_ checkpoint: Checkpoint, device: Device) throws -> ClipModel {
    let file = checkpoint.file(configurationName)
    let type = try JSONFile.read(ModelType.self, from: file).modelType
    guard type == ClipModelDescription.type else {
      throw ModelError.impossible(
        path: file,
        reason: "expected a model of clips (\(ClipModelDescription.type)), found \(type)")
    }
    let model = try ClipModel(
      JSONFile.read(ClipModelDescription.self, from: file), path: file,
      using: RandomGenerator(seed: 0))
    try model.restore(from: checkpoint)
    model.move(to: device)
    let network = checkpoint.file(hypothesesName)
    if FileManager.default.fileExists(atPath: network) {
      model.hypotheses = try JSONFile.read(TransitionHypotheses.self, from: network)
    }
    return model
  }

  /// Whether a checkpoint holds a model of clips.
  public static func isOne(_ checkpoint: Checkpoint) -> Bool {
    let file = checkpoint.file(configurationName)
    return (try? JSONFile.read(ModelType.self, from: file).modelType) == ClipModelDescription.type
  }

  /// A model of the same shape as training begins with: the control that training has to beat.
  ///
  /// It keeps the network of hypotheses, whose distances have no scale.
  ///
  /// - Parameters:
  ///   - seed: of the random weights.
  ///   - images: whose patches whiten the encoder, as those of the clips do before training.
  ///   - device: where the numbers are computed.
  public func withRandomWeights(
    seed: UInt64, whitenedOn images: [RGBImage], device: Device = .cpu
  ) throws -> ClipModel {
    let generator = RandomGenerator(seed: seed)
    let fresh = try ClipModel(description, using: generator)
    if let encoder = fresh.encoder as? FrameEncoder, !images.isEmpty {
      let (frames, side) = (clip(of: images)[0], FrameEncoder.patchSize)
      let places = (0..<3).map { axis in
        Tensor.integers(
          in: 0..<(axis == 0 ? images.count : frameSize - side + 1), [4096], using: generator
        ).array(of: Int64.self).map(Int.init)
      }
      let patches = (0..<4096).map { index in
        let (y, x) = (places[1][index], places[2][index])
        return frames[places[0][index]].slice(y..<y + side, along: 1).slice(x..<x + side, along: 2)
          .flattened().unsqueezed(0)
      }
      encoder.whiten(with: Tensor.concatenate(patches))
    }
    fresh.move(to: device)
    fresh.hypotheses = hypotheses
    return fresh
  }

  /// Overwrites the weights with a checkpoint's.
  func restore(from checkpoint: Checkpoint) throws {
    try encoder.loadState(from: SafetensorsFile(path: checkpoint.file(Self.weightsName)))
    try predictor.loadState(from: SafetensorsFile(path: checkpoint.file(Self.predictorName)))
  }

  /// Writes the model into a folder, in float32.
  func save(to folder: String) throws {
    try SafetensorsWriter.write(encoder.state, to: "\(folder)/\(Self.weightsName)")
    try SafetensorsWriter.write(predictor.state, to: "\(folder)/\(Self.predictorName)")
    try JSONFile.write(description, to: "\(folder)/\(Self.configurationName)")
  }

  /// Puts a network for the tokens of a checkpoint's encoder beside it. A rule that was fitted before is then one of
  /// another model.
  ///
  /// - Throws: `RunError`.
  public static func write(
    _ hypotheses: TransitionHypotheses, toCheckpoint path: String
  ) throws {
    try Checkpoint.open(at: path).put(hypotheses, as: hypothesesName, isCompact: true)
  }

  /// What names this model wherever it was used: the CRC-32C sums of its files.
  ///
  /// - Throws: `RunError`.
  public static func fingerprint(ofCheckpoint path: String) throws -> String {
    try fingerprint(of: Checkpoint.open(at: path))
  }

  static func fingerprint(of checkpoint: Checkpoint) throws -> String {
    let weights = try [weightsName, predictorName].map { try checkpoint.checksum(of: $0) }
    let network = try checkpoint.checksum(ofAddition: hypothesesName)
    return (weights + [network].compactMap { $0 }).joined(separator: "-")
  }

  private struct ModelType: Codable {
    let modelType: String
    enum CodingKeys: String, CodingKey { case modelType = "model_type" }
  }
}

/// `config.json` of a model of clips.
public struct ClipModelDescription: Codable, Sendable {
  static let type = "swift-jepa-clip"

  private var modelType = Self.type
  private var swiftJepaVersion = ProgramVersion.current
  /// Side of the square that frames are scaled to, in pixels.
  public var frameSize: Int
  public var normalization: Normalization
  /// Width of a token of the model's own encoder of frames.
  public var tokenWidth: Int
  public var predictor: ClipPredictorConfiguration
  /// The encoder, where it is one of the image trainer's; nil for a `FrameEncoder`.
  var encoder: ModelDescription?

  enum CodingKeys: String, CodingKey {
    case encoder, normalization, predictor
    case modelType = "model_type"
    case swiftJepaVersion = "swift_jepa_version"
    case frameSize = "frame_size"
    case tokenWidth = "token_width"
  }

  /// A model with an encoder of frames.
  public init(
    frameSize: Int = 64, tokenWidth: Int = 96, normalization: Normalization = .imageNet,
    predictor: ClipPredictorConfiguration = ClipPredictorConfiguration()
  ) {
    self.frameSize = frameSize
    self.tokenWidth = tokenWidth
    self.normalization = normalization
    self.predictor = predictor
  }

  /// A model around an encoder that learned from pictures.
  ///
  /// - Throws: `ModelError.impossible` for an encoder that looks at the whole picture.
  init(
    around model: ImageModel, frameSize: Int,
    predictor: ClipPredictorConfiguration = ClipPredictorConfiguration()
  ) throws {
    self.init(
      frameSize: frameSize, tokenWidth: model.encoder.width,
      normalization: model.preprocessing.normalization, predictor: predictor)
    guard model.encoder is ConvolutionalEncoder else {
      throw ModelError.impossible(
        path: model.path,
        reason: "a clip's encoder is to be local (conv-…), found a transformer: its tokens would "
          + "name the clip")
    }
    encoder = ModelDescription(of: model.encoder, imageSize: frameSize)
  }

  fileprivate func makeEncoder(path: String, using generator: RandomGenerator) throws
    -> VisionEncoder
  {
    let stride = encoder?.patchSize.pixels ?? 8
    guard (8...1024).contains(frameSize), frameSize % stride == 0, (1...4096).contains(tokenWidth)
    else {
      throw ModelError.impossible(
        path: path,
        reason: "frames of \(frameSize) pixels in tokens of \(stride), \(tokenWidth) wide")
    }
    if let encoder { return try encoder.makeEncoder(path: path, using: generator) }
    return FrameEncoder(width: tokenWidth, using: generator)
  }
}

import Foundation
import Torch
import TrainingRuns

/// How pictures are made ready for an encoder.
public struct ImagePreprocessing: Sendable, Equatable {
  /// Side of the square picture in pixels.
  public var imageSize: Int
  public var normalization: Normalization
  public var filter: ResamplingFilter

  public init(
    imageSize: Int, normalization: Normalization = .imageNet, filter: ResamplingFilter = .bicubic
  ) {
    self.imageSize = imageSize
    self.normalization = normalization
    self.filter = filter
  }
}

/// A trained encoder and how to feed it: the folder with `model.safetensors`, `config.json` and
/// `preprocessor_config.json`.
///
/// A vision transformer's folder is a Hugging Face `IJepaModel`; convolutional encoders have names of their
/// own.
public struct ImageModel {
  public let encoder: VisionEncoder
  public let preprocessing: ImagePreprocessing
  /// The weights' file.
  public let path: String

  /// Where the encoder is.
  public var device: Device { encoder.parameters.first?.tensor.device ?? .cpu }

  private static let weightsName = "model.safetensors"
  private static let configurationName = "config.json"
  private static let preprocessorName = "preprocessor_config.json"

  /// Opens the model in a run folder (its latest checkpoint) or a checkpoint's own folder.
  ///
  /// - Throws: `RunError` where the checkpoint is missing or damaged, `ModelError`, `SafetensorsError`,
  ///   `TorchError.stateMismatch`.
  public static func load(from path: String, device: Device = .cpu) throws -> ImageModel {
    let checkpoint = try Checkpoint.open(at: path)
    try ModelKind.check(checkpoint.file(configurationName))
    let description = try JSONFile.read(
      ModelDescription.self, from: checkpoint.file(configurationName))
    let preprocessor = try JSONFile.read(
      PreprocessorDescription.self, from: checkpoint.file(preprocessorName))
    let encoder = try description.makeEncoder(path: checkpoint.file(configurationName))
    try encoder.loadState(from: SafetensorsFile(path: checkpoint.file(weightsName)))
    encoder.train(false)
    encoder.move(to: device)
    return ImageModel(
      encoder: encoder, preprocessing: preprocessor.preprocessing(imageSize: description.imageSize),
      path: checkpoint.file(weightsName))
  }

  /// An encoder of the same shape with fresh weights, in inference mode, on the same device.
  public func encoderWithRandomWeights(seed: UInt64) throws -> VisionEncoder {
    let description = ModelDescription(of: encoder, imageSize: preprocessing.imageSize)
    let fresh = try description.makeEncoder(path: path, using: RandomGenerator(seed: seed))
    fresh.train(false)
    fresh.move(to: device)
    return fresh
  }

  /// Writes an encoder into a folder, in float32.
  static func save(
    _ encoder: VisionEncoder, preprocessing: ImagePreprocessing, to folder: String
  ) throws {
    try SafetensorsWriter.write(
      encoder.state, metadata: ["format": "pt"], to: "\(folder)/\(weightsName)")
    try JSONFile.write(
      ModelDescription(of: encoder, imageSize: preprocessing.imageSize),
      to: "\(folder)/\(configurationName)")
    try JSONFile.write(
      PreprocessorDescription(preprocessing), to: "\(folder)/\(preprocessorName)")
  }

  /// The embedding of one picture file, `[D]`.
  ///
  /// - Throws: `ImageError` with the path.
  public func embedding(of path: String) throws -> [Float] {
    let size = preprocessing.imageSize
    let pixels = try ImageDecoder().square(
      contentsOf: path, size: size, filter: preprocessing.filter,
      normalization: preprocessing.normalization)
    let picture = Tensor(pixels, shape: [1, 3, size, size]).to(device: device)
    return encoder.inferring { encoder.embedding(of: picture).to(device: .cpu).array() }
  }
}

/// What can be wrong with the description of a model.
public enum ModelError: Error, CustomStringConvertible, LocalizedError {
  case unknownType(path: String, found: String)
  case missingField(path: String, field: String, type: String)
  case impossible(path: String, reason: String)

  public var description: String {
    switch self {
    case .unknownType(let path, let found):
      "\(path): expected model_type ijepa, swift-jepa-conv or swift-jepa-vit, found \(found)"
    case .missingField(let path, let field, let type):
      "\(path): a model of type \(type) needs the field \(field)"
    case .impossible(let path, let reason): "\(path): \(reason)"
    }
  }

  public var errorDescription: String? { description }
}

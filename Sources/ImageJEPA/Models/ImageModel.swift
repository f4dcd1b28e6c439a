import Files
import Foundation
import Pictures
import Torch

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
/// A vision transformer's folder is a Hugging Face `IJepaModel`, an imported one that of its class;
/// convolutional encoders have names of their own.
public struct ImageModel {
  public let encoder: VisionEncoder
  public let preprocessing: ImagePreprocessing
  /// The weights' file.
  public let path: String

  /// Where the encoder is.
  public var device: Device { encoder.parameters.first?.tensor.device ?? .cpu }

  static let weightsName = "model.safetensors"
  static let configurationName = "config.json"
  static let preprocessorName = "preprocessor_config.json"
  /// Tensors of published models that their encoders do not use, kept so that the folder opens elsewhere.
  static let unusedNames: Set<String> = [
    maskTokenName, "pooler.dense.weight", "pooler.dense.bias",
  ]
  static let maskTokenName = "embeddings.mask_token"

  /// Opens the model in a run folder (its latest checkpoint), a checkpoint's own folder, or one that
  /// `jepa import` made.
  ///
  /// - Parameters:
  ///   - path: of the folder.
  ///   - device: where the numbers are computed.
  ///   - precision: what the encoder will compute in, with `withAutocast`: weights of products are
  ///     kept in it, and never in memory as float32. nil keeps everything in float32.
  /// - Throws: `RunError` where the checkpoint is missing or damaged, `ModelError`, `SafetensorsError`,
  ///   `TorchError.stateMismatch`.
  public static func load(
    from path: String, device: Device = .cpu, precision: DType? = nil
  ) throws -> ImageModel {
    let folder = try ModelFolder(at: path)
    let encoder = try folder.loadEncoder(precision: precision)
    encoder.train(false)
    encoder.move(to: device)
    return ImageModel(
      encoder: encoder, preprocessing: try folder.preprocessing(),
      path: folder.file(weightsName))
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
      encoder.state.map { (encoder.namePrefix + $0.name, $0.tensor) }, metadata: ["format": "pt"],
      to: "\(folder)/\(weightsName)")
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

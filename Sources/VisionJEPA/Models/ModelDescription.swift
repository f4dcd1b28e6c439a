import Foundation
import Torch
import TrainingRuns

/// `config.json`: what network the weights belong to.
///
/// Transformers use Hugging Face's `IJepaConfig` fields, so that `AutoModel.from_pretrained` opens them.
struct ModelDescription: Codable {
  static let convolutional = "swift-jepa-conv"
  /// A transformer with a convolutional stem, which Hugging Face has no class for.
  static let stemmed = "swift-jepa-vit"
  static let transformer = "ijepa"

  var modelType: String
  var architectures: [String]
  var imageSize: Int
  var patchSize: Int
  var hiddenSize: Int
  var numChannels = 3
  var swiftJepaVersion = ProgramVersion.current
  // Convolutional encoders.
  var stemWidth: Int?
  var blocks: [Int]?
  // Transformers.
  var numHiddenLayers: Int?
  var numAttentionHeads: Int?
  var intermediateSize: Int?
  var hiddenAct: String?
  var hiddenDropoutProb: Double?
  var attentionProbsDropoutProb: Double?
  var initializerRange: Double?
  var layerNormEps: Double?
  var qkvBias: Bool?
  var poolerOutputSize: Int?
  var poolerAct: String?
  var torchDtype: String?

  enum CodingKeys: String, CodingKey {
    case architectures, blocks
    case modelType = "model_type"
    case imageSize = "image_size"
    case patchSize = "patch_size"
    case hiddenSize = "hidden_size"
    case numChannels = "num_channels"
    case swiftJepaVersion = "swift_jepa_version"
    case stemWidth = "stem_width"
    case numHiddenLayers = "num_hidden_layers"
    case numAttentionHeads = "num_attention_heads"
    case intermediateSize = "intermediate_size"
    case hiddenAct = "hidden_act"
    case hiddenDropoutProb = "hidden_dropout_prob"
    case attentionProbsDropoutProb = "attention_probs_dropout_prob"
    case initializerRange = "initializer_range"
    case layerNormEps = "layer_norm_eps"
    case qkvBias = "qkv_bias"
    case poolerOutputSize = "pooler_output_size"
    case poolerAct = "pooler_act"
    case torchDtype = "torch_dtype"
  }

  /// Describes an encoder of one of the two families.
  init(of encoder: VisionEncoder, imageSize: Int) {
    self.imageSize = imageSize
    patchSize = encoder.stride
    hiddenSize = encoder.width
    switch encoder {
    case let encoder as ConvolutionalEncoder:
      modelType = Self.convolutional
      architectures = ["ConvolutionalEncoder"]
      stemWidth = encoder.shape.width
      blocks = encoder.shape.blocks
    case let encoder as VisionTransformer:
      let shape = encoder.shape
      modelType = shape.hasConvolutionalStem ? Self.stemmed : Self.transformer
      architectures = [shape.hasConvolutionalStem ? "VisionTransformer" : "IJepaModel"]
      numHiddenLayers = shape.depth
      numAttentionHeads = shape.heads
      intermediateSize = shape.hidden
      hiddenAct = "gelu"
      hiddenDropoutProb = 0
      attentionProbsDropoutProb = 0
      initializerRange = 0.02
      layerNormEps = 1e-6
      qkvBias = true
      poolerOutputSize = shape.width
      poolerAct = "tanh"
      torchDtype = "float32"
    default:
      preconditionFailure("an encoder of unknown kind: \(type(of: encoder))")
    }
  }

  /// The network with fresh weights, to be overwritten.
  ///
  /// - Throws: `ModelError`.
  func makeEncoder(
    path: String, using generator: RandomGenerator = RandomGenerator(seed: 0)
  ) throws -> VisionEncoder {
    func required<Value>(_ value: Value?, _ field: String) throws -> Value {
      guard let value else {
        throw ModelError.missingField(path: path, field: field, type: modelType)
      }
      return value
    }
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.impossible(path: path, reason: reason) }
    }
    try check(
      patchSize > 0 && imageSize > 0 && imageSize <= 16_384 && imageSize % patchSize == 0,
      "pictures of \(imageSize) pixels in tokens of \(patchSize)")
    try check(numChannels == 3, "expected 3 channels, found \(numChannels)")
    switch modelType {
    case Self.convolutional:
      let shape = ConvolutionalShape(
        width: try required(stemWidth, "stem_width"), blocks: try required(blocks, "blocks"),
        stride: patchSize)
      try check(
        (1...4096).contains(shape.width) && shape.blocks.count == 3
          && shape.blocks.allSatisfy { (1...64).contains($0) }
          && [8, 16, 32, 64].contains(patchSize),
        "no convolutional encoder has width \(shape.width), blocks \(shape.blocks) and "
          + "tokens of \(patchSize) pixels")
      return ConvolutionalEncoder(shape, using: generator)
    case Self.transformer, Self.stemmed:
      let shape = TransformerShape(
        width: hiddenSize, depth: try required(numHiddenLayers, "num_hidden_layers"),
        heads: try required(numAttentionHeads, "num_attention_heads"),
        hidden: try required(intermediateSize, "intermediate_size"), patchSize: patchSize,
        imageSize: imageSize, hasConvolutionalStem: modelType == Self.stemmed)
      try check(
        (4...16_384).contains(shape.width) && shape.width % 4 == 0
          && (1...512).contains(shape.depth) && shape.heads > 0 && shape.width % shape.heads == 0
          && (1...131_072).contains(shape.hidden),
        "no transformer has width \(shape.width), \(shape.depth) layers, \(shape.heads) heads and "
          + "an MLP of \(shape.hidden)")
      return VisionTransformer(shape, using: generator)
    default:
      throw ModelError.unknownType(path: path, found: modelType)
    }
  }
}

/// `preprocessor_config.json`, as Hugging Face's `ViTImageProcessor` reads it.
struct PreprocessorDescription: Codable {
  struct Size: Codable {
    var height: Int
    var width: Int
  }

  var imageProcessorType = "ViTImageProcessor"
  var doResize = true
  var size: Size
  /// Pillow's number of the filter: 2 bilinear, 3 bicubic.
  var resample: Int
  var doRescale = true
  var rescaleFactor = 1.0 / 255
  var doNormalize = true
  var imageMean: [Float]
  var imageStd: [Float]

  enum CodingKeys: String, CodingKey {
    case size, resample
    case imageProcessorType = "image_processor_type"
    case doResize = "do_resize"
    case doRescale = "do_rescale"
    case rescaleFactor = "rescale_factor"
    case doNormalize = "do_normalize"
    case imageMean = "image_mean"
    case imageStd = "image_std"
  }

  init(_ preprocessing: ImagePreprocessing) {
    size = Size(height: preprocessing.imageSize, width: preprocessing.imageSize)
    resample = preprocessing.filter == .bicubic ? 3 : 2
    let normalization = preprocessing.normalization
    imageMean = (0..<3).map { normalization.mean[$0] }
    imageStd = (0..<3).map { normalization.standardDeviation[$0] }
  }

  func preprocessing(imageSize: Int) -> ImagePreprocessing {
    func triple(_ values: [Float], else fallback: SIMD3<Float>) -> SIMD3<Float> {
      values.count == 3 ? SIMD3(values[0], values[1], values[2]) : fallback
    }
    let standard = Normalization.imageNet
    return ImagePreprocessing(
      imageSize: imageSize,
      normalization: Normalization(
        mean: triple(imageMean, else: standard.mean),
        standardDeviation: triple(imageStd, else: standard.standardDeviation)),
      filter: resample == 2 ? .bilinear : .bicubic)
  }
}

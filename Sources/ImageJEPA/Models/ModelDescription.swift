import Files
import Foundation
import Torch
import TrainingRuns

/// `config.json`: what network the weights belong to.
///
/// Transformers have the fields of Hugging Face's classes (`IJepaConfig`, `ViTConfig`, `Dinov2Config`,
/// `Dinov2WithRegistersConfig`, `VJEPA2Config`), so that `AutoModel.from_pretrained` opens them. Networks that it
/// has no class for have types of their own.
package struct ModelDescription: Codable {
  package static let convolutional = "swift-jepa-conv"
  /// A transformer that Hugging Face has no class for, such as one with a convolutional stem.
  package static let stemmed = "swift-jepa-vit"
  package static let transformer = "ijepa"
  package static let classToken = "vit"
  package static let dinov2 = "dinov2"
  package static let registers = "dinov2_with_registers"
  package static let video = "vjepa2"
  package static let known = [
    transformer, classToken, dinov2, registers, video, convolutional, stemmed,
  ]

  package var modelType: String
  package var architectures: [String]?
  package var imageSize: SquareSide?
  package var patchSize: SquareSide
  package var hiddenSize: Int
  package var numChannels: Int?
  package var swiftJepaVersion: String?
  // Convolutional encoders.
  package var stemWidth: Int?
  package var blocks: [Int]?
  // Transformers.
  package var numHiddenLayers: Int?
  package var numAttentionHeads: Int?
  package var intermediateSize: Int?
  package var hiddenAct: String?
  package var hiddenDropoutProb: Double?
  package var attentionProbsDropoutProb: Double?
  package var initializerRange: Double?
  package var layerNormEps: Double?
  package var qkvBias: Bool?
  package var poolerOutputSize: Int?
  package var poolerAct: String?
  package var torchDtype: String?
  // DINOv2, and transformers of a type of their own.
  package var mlpRatio: Double?
  package var useSwigluFfn: Bool?
  package var useMaskToken: Bool?
  package var numRegisterTokens: Int?
  package var convolutionalStem: Bool?
  package var classToken: Bool?
  package var layerScale: Bool?
  // V-JEPA 2.
  package var cropSize: Int?
  package var framesPerClip: Int?
  package var tubeletSize: Int?
  package var inChans: Int?
  package var dropPathRate: Double?
  package var attentionDropout: Double?
  package var numPoolerLayers: Int?
  package var predHiddenSize: Int?
  package var predNumAttentionHeads: Int?
  package var predNumHiddenLayers: Int?
  package var predNumMaskTokens: Int?
  package var predZeroInitMaskTokens: Bool?
  package var predMlpRatio: Double?

  package enum CodingKeys: String, CodingKey {
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
    case mlpRatio = "mlp_ratio"
    case useSwigluFfn = "use_swiglu_ffn"
    case useMaskToken = "use_mask_token"
    case numRegisterTokens = "num_register_tokens"
    case convolutionalStem = "convolutional_stem"
    case classToken = "class_token"
    case layerScale = "layer_scale"
    case cropSize = "crop_size"
    case framesPerClip = "frames_per_clip"
    case tubeletSize = "tubelet_size"
    case inChans = "in_chans"
    case dropPathRate = "drop_path_rate"
    case attentionDropout = "attention_dropout"
    case numPoolerLayers = "num_pooler_layers"
    case predHiddenSize = "pred_hidden_size"
    case predNumAttentionHeads = "pred_num_attention_heads"
    case predNumHiddenLayers = "pred_num_hidden_layers"
    case predNumMaskTokens = "pred_num_mask_tokens"
    case predZeroInitMaskTokens = "pred_zero_init_mask_tokens"
    case predMlpRatio = "pred_mlp_ratio"
  }

  /// The side of a square, in pixels: a number, or, as some configurations have it, a pair of equal ones.
  package struct SquareSide: Codable, Equatable {
    package let pixels: Int

    init(_ pixels: Int) { self.pixels = pixels }

    package init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let pixels = try? value.decode(Int.self) {
        self.pixels = pixels
        return
      }
      let sides = try value.decode([Int].self)
      guard let first = sides.first, sides.allSatisfy({ $0 == first }) else {
        throw DecodingError.dataCorruptedError(
          in: value, debugDescription: "expected the side of a square, found \(sides)")
      }
      pixels = first
    }

    package func encode(to encoder: any Encoder) throws {
      var value = encoder.singleValueContainer()
      try value.encode(pixels)
    }
  }

  /// The side of the pictures, or of the clips' frames, that the network was trained on.
  package var side: Int { (modelType == Self.video ? cropSize : imageSize?.pixels) ?? 0 }

  /// The same network for pictures of another side.
  package mutating func resize(to side: Int) {
    if modelType == Self.video { cropSize = side } else { imageSize = SquareSide(side) }
  }
}

// MARK: - From a file

extension ModelDescription {
  /// Reads `config.json`; whether its model is of a kind that is known is asked first, so that another kind's is
  /// not called incomplete.
  ///
  /// - Throws: `ModelError.unknownType`; `FileError.invalidJSON`, `.failed`.
  package static func read(from path: String) throws -> ModelDescription {
    if let type = try modelType(in: path), !known.contains(type) {
      throw ModelError.unknownType(path: path, found: type)
    }
    return try JSONFile.read(ModelDescription.self, from: path)
  }

  /// The `model_type` of a configuration; nil where it has none.
  ///
  /// - Throws: `FileError.invalidJSON`, `.failed`.
  package static func modelType(in path: String) throws -> String? {
    struct Kind: Decodable {
      var modelType: String?
      enum CodingKeys: String, CodingKey { case modelType = "model_type" }
    }
    return try JSONFile.read(Kind.self, from: path).modelType
  }
}

// MARK: - From a network

extension ModelDescription {
  /// Describes an encoder.
  ///
  /// - Parameter imageSize: the side of its pictures, where the network itself does not fix it.
  package init(of encoder: VisionEncoder, imageSize: Int) {
    modelType = Self.convolutional
    patchSize = SquareSide(encoder.stride)
    hiddenSize = encoder.width
    swiftJepaVersion = ProgramVersion.current
    switch encoder {
    case let encoder as ConvolutionalEncoder:
      self.imageSize = SquareSide(imageSize)
      numChannels = 3
      architectures = ["ConvolutionalEncoder"]
      stemWidth = encoder.shape.width
      blocks = encoder.shape.blocks
    case let encoder as VisionTransformer: describe(encoder.shape)
    case let encoder as VJEPA2Encoder: describe(encoder.shape, encoder.clips)
    default: preconditionFailure("an encoder of unknown kind: \(type(of: encoder))")
    }
  }

  /// Describes a transformer.
  package init(_ shape: TransformerShape) {
    modelType = Self.transformer
    patchSize = SquareSide(shape.patchSize)
    hiddenSize = shape.width
    swiftJepaVersion = ProgramVersion.current
    describe(shape)
  }

  private mutating func describe(_ shape: TransformerShape) {
    imageSize = SquareSide(shape.imageSize)
    numChannels = 3
    numHiddenLayers = shape.depth
    numAttentionHeads = shape.heads
    hiddenAct = "gelu"
    hiddenDropoutProb = 0
    attentionProbsDropoutProb = 0
    initializerRange = 0.02
    layerNormEps = shape.epsilon
    qkvBias = shape.hasQueryKeyValueBias
    torchDtype = "float32"
    let isPublic =
      !shape.hasConvolutionalStem
      && (shape.family == .ijepa
        ? shape.tokenKinds.prefixCount == 0 && !shape.hasLayerScale : shape.hasClassToken)
      && (shape.family == .vit ? shape.registerCount == 0 && !shape.hasLayerScale : true)
      && (shape.family == .dinov2
        ? shape.hasLayerScale && shape.hidden % shape.width == 0 : true)
    switch (isPublic, shape.family) {
    case (true, .ijepa): describeViT(Self.transformer, "IJepaModel", shape)
    case (true, .vit): describeViT(Self.classToken, "ViTModel", shape)
    case (true, .dinov2):
      let hasRegisters = shape.registerCount > 0
      modelType = hasRegisters ? Self.registers : Self.dinov2
      architectures = [hasRegisters ? "Dinov2WithRegistersModel" : "Dinov2Model"]
      mlpRatio = Double(shape.hidden / shape.width)
      useSwigluFfn = false
      numRegisterTokens = hasRegisters ? shape.registerCount : nil
      useMaskToken = hasRegisters ? nil : false
    case (false, _):
      modelType = Self.stemmed
      architectures = ["VisionTransformer"]
      intermediateSize = shape.hidden
      convolutionalStem = shape.hasConvolutionalStem
      classToken = shape.hasClassToken
      numRegisterTokens = shape.registerCount
      layerScale = shape.hasLayerScale
    }
  }

  private mutating func describeViT(_ type: String, _ name: String, _ shape: TransformerShape) {
    modelType = type
    architectures = [name]
    intermediateSize = shape.hidden
    poolerOutputSize = shape.width
    poolerAct = "tanh"
  }

  private mutating func describe(_ shape: VJEPA2Shape, _ clips: VJEPA2Clips) {
    modelType = Self.video
    architectures = ["VJEPA2Model"]
    cropSize = clips.imageSize
    inChans = 3
    framesPerClip = clips.frames
    tubeletSize = clips.tubeletSize
    numHiddenLayers = shape.depth
    numAttentionHeads = shape.heads
    mlpRatio = Double(shape.hidden) / Double(shape.width)
    hiddenAct = "gelu"
    initializerRange = 0.02
    layerNormEps = clips.epsilon
    qkvBias = clips.hasQueryKeyValueBias
    dropPathRate = 0
    attentionDropout = 0
    attentionProbsDropoutProb = 0
    torchDtype = "float32"
  }

  /// Adds V-JEPA 2's predictor.
  package mutating func describe(_ predictor: VJEPA2Predictor) {
    predHiddenSize = predictor.shape.width
    predNumAttentionHeads = predictor.shape.heads
    predNumHiddenLayers = predictor.shape.depth
    predNumMaskTokens = predictor.maskTokenCount
    predZeroInitMaskTokens = true
    predMlpRatio = Double(predictor.shape.hidden) / Double(predictor.shape.width)
  }
}

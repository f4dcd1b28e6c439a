import Torch
import TrainingRuns

/// The encoders that have names.
public enum EncoderPreset: String, Codable, Sendable, CaseIterable {
  case convMicro = "conv-micro"
  case convTiny = "conv-tiny"
  case convSmall = "conv-small"
  case vitTiny = "vit-tiny"
  case vitSmall = "vit-small"
  case vitBase = "vit-base"
  case vitLarge = "vit-large"
  case vitHuge = "vit-huge"

  public var isConvolutional: Bool {
    switch self {
    case .convMicro, .convTiny, .convSmall: true
    case .vitTiny, .vitSmall, .vitBase, .vitLarge, .vitHuge: false
    }
  }
}

/// Which encoder to train.
public struct EncoderConfiguration: RunConfiguration {
  /// `conv-…` for CPUs and small pictures, `vit-…` for accelerators and Hugging Face.
  public var preset = EncoderPreset.convTiny
  /// A trained or imported model, whose network and weights training starts from: a run folder, a checkpoint's
  /// or what `jepa import` made. The preset then says nothing.
  public var initial: String? = nil
  /// Pixels a side of a token. By default a convolutional encoder takes the stride that leaves 4x4 to 7x7
  /// tokens, a transformer an eighth of the picture's side but at most 16.
  public var patchSize: Int? = nil
  /// Transformers only: convolutions make the tokens.
  public var convolutionalStem = false
  /// Transformers only: activations are computed again in the backward pass, to save memory. By default the
  /// large ones do so.
  public var recomputesActivations: Bool? = nil

  public init() {}

  /// What the encoder is called.
  var name: String { initial ?? preset.rawValue }

  /// The side of a token's square for pictures of this size.
  public func resolvedPatchSize(imageSize: Int) -> Int {
    if let patchSize { return patchSize }
    if preset.isConvolutional {
      return [8, 16, 32].first { imageSize / $0 <= 7 } ?? 64
    }
    return preset == .vitHuge ? 14 : min(16, max(2, imageSize / 8))
  }

  /// The smallest size of at least `size` that is a multiple of its own tokens.
  func fitting(_ size: Int) -> Int {
    (size...).first { $0 % resolvedPatchSize(imageSize: $0) == 0 }!
  }

  /// Checks that the tokens fit pictures of this size.
  ///
  /// - Throws: `RunError.invalidValue`.
  func validate(imageSize: Int) throws {
    let patch = resolvedPatchSize(imageSize: imageSize)
    let check = SettingCheck(in: "encoder")
    try check(
      patch > 0 && imageSize % patch == 0, "patchSize",
      "tokens of \(patch) pixels do not divide pictures of \(imageSize)")
    if initial != nil { return }
    if preset.isConvolutional {
      try check(
        [8, 16, 32, 64].contains(patch), "patchSize",
        "a convolutional encoder's is 8, 16, 32 or 64 pixels, found \(patch)")
    } else if convolutionalStem {
      try check(
        patch >= 2 && patch & (patch - 1) == 0, "patchSize",
        "with a convolutional stem it is a power of two, found \(patch)")
    }
  }

  /// The network, its shape resolved for pictures of this size, with weights drawn from `generator` or read
  /// from the initial model.
  ///
  /// - Throws: `RunError.invalidValue` where the tokens do not fit the picture; as
  ///   `ImageModel.initialEncoder(from:imageSize:)`.
  public func makeEncoder(imageSize: Int, using generator: RandomGenerator) throws -> VisionEncoder
  {
    try validate(imageSize: imageSize)
    let patch = resolvedPatchSize(imageSize: imageSize)
    if let initial {
      let encoder = try ImageModel.initialEncoder(from: initial, imageSize: imageSize)
      guard encoder.stride == patch else {
        throw RunError.invalidValue(
          path: "encoder.patchSize",
          reason: "\(initial) has tokens of \(encoder.stride) pixels, found \(patch)")
      }
      (encoder as? VisionTransformer)?.recomputesActivations =
        recomputesActivations ?? (encoder.width >= 1024)
      return encoder
    }
    if preset.isConvolutional {
      return ConvolutionalEncoder(convolutionalShape(stride: patch), using: generator)
    }
    let encoder = VisionTransformer(
      transformerShape(patchSize: patch, imageSize: imageSize), using: generator)
    encoder.recomputesActivations =
      recomputesActivations ?? (preset == .vitLarge || preset == .vitHuge)
    return encoder
  }

  private func convolutionalShape(stride: Int) -> ConvolutionalShape {
    switch preset {
    case .convMicro: ConvolutionalShape(width: 32, blocks: [1, 1, 2], stride: stride)
    case .convTiny: ConvolutionalShape(width: 48, blocks: [1, 1, 2], stride: stride)
    default: ConvolutionalShape(width: 64, blocks: [2, 2, 2], stride: stride)
    }
  }

  private func transformerShape(patchSize: Int, imageSize: Int) -> TransformerShape {
    let (width, depth, heads) =
      switch preset {
      case .vitTiny: (192, 12, 3)
      case .vitSmall: (384, 12, 6)
      case .vitBase: (768, 12, 12)
      case .vitLarge: (1024, 24, 16)
      default: (1280, 32, 16)
      }
    return TransformerShape(
      width: width, depth: depth, heads: heads, patchSize: patchSize, imageSize: imageSize,
      hasConvolutionalStem: convolutionalStem)
  }
}

/// Whose names and position tables a vision transformer has.
public enum TransformerFamily: String, Sendable, Codable, CaseIterable {
  /// Hugging Face's `IJepaModel`: patch tokens only, whose positions are fixed.
  case ijepa
  /// `ViTModel`: a class token before them, learned positions.
  case vit
  /// `Dinov2Model` and `Dinov2WithRegistersModel`: besides, LayerScale and perhaps registers.
  case dinov2
}

/// The shape of a vision transformer.
public struct TransformerShape: Sendable, Equatable, Codable {
  public var width: Int
  public var depth: Int
  public var heads: Int
  /// The hidden width of each block's MLP.
  public var hidden: Int
  public var patchSize: Int
  /// The pictures' side in training, from which the position table follows.
  public var imageSize: Int
  /// Whether convolutions make the tokens, rather than one linear map of each patch.
  public var hasConvolutionalStem: Bool
  public var family = TransformerFamily.ijepa
  /// Whether a class token, with a position of its own, stands before the others.
  public var hasClassToken = false
  /// Registers, after the class token: Darcet et al. 2023, arXiv:2309.16588.
  public var registerCount = 0
  public var hasLayerScale = false
  public var hasQueryKeyValueBias = true
  /// Of every layer norm.
  public var epsilon = 1e-6

  public init(
    width: Int, depth: Int, heads: Int, hidden: Int? = nil, patchSize: Int, imageSize: Int,
    hasConvolutionalStem: Bool = false
  ) {
    self.width = width
    self.depth = depth
    self.heads = heads
    self.hidden = hidden ?? 4 * width
    self.patchSize = patchSize
    self.imageSize = imageSize
    self.hasConvolutionalStem = hasConvolutionalStem
  }

  /// Which tokens are what.
  public var tokenKinds: TokenKinds {
    TokenKinds(hasClassToken: hasClassToken, registerCount: registerCount)
  }
}

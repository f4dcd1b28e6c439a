import Torch

/// What the tokens of an encoder are, in their order: a class token, registers, then patches.
public struct TokenKinds: Sendable, Equatable {
  public let hasClassToken: Bool
  public let registerCount: Int

  public init(hasClassToken: Bool = false, registerCount: Int = 0) {
    self.hasClassToken = hasClassToken
    self.registerCount = registerCount
  }

  /// How many tokens stand before the patches'.
  public var prefixCount: Int { (hasClassToken ? 1 : 0) + registerCount }
  /// Where the class token is; empty where there is none.
  public var classToken: Range<Int> { 0..<(hasClassToken ? 1 : 0) }
  public var registers: Range<Int> { classToken.upperBound..<prefixCount }
}

/// Pictures to tokens: what is trained, and what is kept.
///
/// A picture is a clip of one frame; clips are encoded frame by frame.
open class VisionEncoder: Module {
  /// D, the width of a token.
  public let width: Int
  /// The side in pixels of the square that one token stands for.
  public let stride: Int

  public init(width: Int, stride: Int) {
    self.width = width
    self.stride = stride
    super.init()
  }

  /// The grid of tokens of pictures of this many pixels a side.
  public final func grid(imageSize: Int) -> TokenGrid {
    TokenGrid(height: imageSize / stride, width: imageSize / stride)
  }

  /// Pictures `[B, 3, H, W]`, normalised, to tokens `[B, N, D]`, row by row.
  ///
  /// - Parameters:
  ///   - pictures: `[B, 3, H, W]`, normalised.
  ///   - kept: int64 `[B, n]`, the tokens wanted, which then are `[B, n, D]`. Nothing else of the
  ///     picture is seen: what is left out cannot leak into what is kept.
  open func tokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    preconditionFailure("an encoder defines tokens(of:keeping:)")
  }

  /// Which of `allTokens` are no patches; none by default.
  open var tokenKinds: TokenKinds { TokenKinds() }

  /// Every token that leaves the encoder, `[B, prefix + N, D]`: a class token and registers, where there are
  /// any (`tokenKinds`), then those of `tokens(of:keeping:)`.
  open func allTokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    tokens(of: pictures, keeping: kept)
  }

  /// How many blocks follow each other.
  open var layerCount: Int { preconditionFailure("an encoder defines layerCount") }

  /// The patches' tokens as a block leaves them, `[B, N, D]`, before any norm that follows the last block.
  /// A convolutional encoder's early blocks have more and narrower tokens.
  ///
  /// - Parameters:
  ///   - pictures: `[B, 3, H, W]`, normalised.
  ///   - layer: 1 to `layerCount`.
  open func tokens(of pictures: Tensor, afterLayer layer: Int) -> Tensor {
    preconditionFailure("an encoder defines tokens(of:afterLayer:)")
  }

  /// What the names of the encoder's tensors begin with in its file; nothing by default.
  open var namePrefix: String { "" }

  /// The mean over all patches' tokens, `[B, D]`: the embedding of a whole picture.
  public final func embedding(of pictures: Tensor) -> Tensor { tokens(of: pictures).mean(1) }

  /// Tokens as they leave the encoder: never narrower than float32, whatever it computed in.
  package final func widened(_ tokens: Tensor) -> Tensor {
    tokens.dtype.byteCount < 4 ? tokens.to(.float32) : tokens
  }

  /// The pictures with every cell that is not kept set to 0, the mean colour.
  ///
  /// - Parameter kept: int64 `[B, n]`, numbers of cells of `stride` pixels a side.
  package final func hiding(allBut kept: Tensor, in pictures: Tensor) -> Tensor {
    let (batch, height, width) = (pictures.size(0), pictures.size(2), pictures.size(3))
    let (rows, columns) = (height / stride, width / stride)
    let none = Tensor.zeros(
      [batch, rows * columns], dtype: pictures.dtype, device: pictures.device)
    let one = Tensor.ones(kept.shape, dtype: pictures.dtype, device: pictures.device)
    let visible = none.scattered(one, at: kept, along: 1)
      .reshaped(batch, 1, rows, 1, columns, 1).expanded(-1, -1, -1, stride, -1, stride)
      .reshaped(batch, 1, height, width)
    return pictures * visible
  }
}

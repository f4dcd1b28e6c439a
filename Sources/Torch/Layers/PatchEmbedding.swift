/// Pictures cut into square patches, each a linear function of its pixels.
///
/// Dosovitskiy et al. 2020, arXiv:2010.11929, equation 1.
public final class PatchEmbedding: Module {
  public let patchSize: Int
  /// `[D, C, p, p]`
  public let weight: Tensor
  /// `[D]`
  public let bias: Tensor

  public init(channels: Int = 3, width: Int, patchSize: Int, using generator: RandomGenerator) {
    self.patchSize = patchSize
    weight = Initializer.truncatedNormal(
      [width, channels, patchSize, patchSize], using: generator)
    bias = Tensor.zeros([width])
    super.init()
    readsInput = true
    register(parameter: weight, as: "weight")
    register(parameter: bias, as: "bias")
  }

  /// Pictures `[B, C, H, W]` to tokens `[B, N, D]`, N row by row.
  ///
  /// - Parameters:
  ///   - pictures: `[B, C, H, W]`; patches fill them.
  ///   - kept: int64 `[B, n]`, the patches to embed; the others are never looked at.
  public func callAsFunction(_ pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    let (batch, channels) = (pictures.size(0), pictures.size(1))
    let (rows, columns) = (pictures.size(2) / patchSize, pictures.size(3) / patchSize)
    // The patches as rows of a matrix: a gather of them costs no product for those left out.
    var patches = pictures.reshaped(batch, channels, rows, patchSize, columns, patchSize)
      .permuted(0, 2, 4, 1, 3, 5)
      .reshaped(batch, rows * columns, channels * patchSize * patchSize)
    if let kept { patches = patches.gatherTokens(kept) }
    return patches.linear(weight.reshaped(weight.size(0), -1), bias)
  }
}

/// Clips cut into boxes of a few frames and a square of pixels (tubelets), each a linear function of its
/// pixels.
///
/// Arnab et al. 2021, "ViViT", arXiv:2103.15691, section 3.2.
public final class TubeletEmbedding: Module {
  /// Frames of a token.
  public let frames: Int
  public let patchSize: Int
  /// `[D, C, t, p, p]`
  public let weight: Tensor
  /// `[D]`
  public let bias: Tensor

  public init(
    channels: Int = 3, width: Int, frames: Int, patchSize: Int, using generator: RandomGenerator
  ) {
    self.frames = frames
    self.patchSize = patchSize
    weight = Initializer.truncatedNormal(
      [width, channels, frames, patchSize, patchSize], using: generator)
    bias = Tensor.zeros([width])
    super.init()
    readsInput = true
    register(parameter: weight, as: "weight")
    register(parameter: bias, as: "bias")
  }

  /// Clips `[B, T, C, H, W]` to tokens `[B, N, D]`, N frame by frame and row by row.
  ///
  /// - Parameters:
  ///   - clips: `[B, T, C, H, W]`; tubelets fill them.
  ///   - kept: int64 `[B, n]`, the tubelets to embed; the others are never looked at.
  public func callAsFunction(_ clips: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    let (batch, channels) = (clips.size(0), clips.size(2))
    let (times, rows, columns) = (
      clips.size(1) / frames, clips.size(3) / patchSize, clips.size(4) / patchSize
    )
    var boxes = clips.reshaped(
      [batch, times, frames, channels, rows, patchSize, columns, patchSize]
    ).permuted(0, 1, 4, 6, 3, 2, 5, 7)
      .reshaped(batch, times * rows * columns, channels * frames * patchSize * patchSize)
    if let kept { boxes = boxes.gatherTokens(kept) }
    return boxes.linear(weight.reshaped(weight.size(0), -1), bias)
  }
}

import Torch

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
}

/// A vision transformer without a class token, in the layout of Hugging Face's `IJepaModel`.
///
/// Dosovitskiy et al. 2020, arXiv:2010.11929; fixed sine-cosine positions as in Assran et al. 2023,
/// arXiv:2301.08243.
public final class VisionTransformer: VisionEncoder {
  public let shape: TransformerShape
  /// Recomputes each block's activations in the backward pass instead of keeping them.
  public var recomputesActivations = false
  private let patches: PatchEmbedding?
  private let stem: ConvolutionalStem?
  /// `[1, N, D]`
  private let positions: Tensor
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm

  /// Precondition: the patch size divides the picture's side, the heads divide the width.
  public init(
    _ shape: TransformerShape, form: AttentionForm = .fused, using generator: RandomGenerator
  ) {
    precondition(
      shape.imageSize % shape.patchSize == 0,
      "pictures of \(shape.imageSize) pixels in patches of \(shape.patchSize)")
    self.shape = shape
    let side = shape.imageSize / shape.patchSize
    patches =
      shape.hasConvolutionalStem
      ? nil : PatchEmbedding(width: shape.width, patchSize: shape.patchSize, using: generator)
    stem =
      shape.hasConvolutionalStem
      ? ConvolutionalStem(width: shape.width, stride: shape.patchSize, using: generator) : nil
    positions = PositionTable.grid(rows: side, columns: side, width: shape.width).unsqueezed(0)
    blocks = (1...shape.depth).map { depth in
      TransformerBlock(
        width: shape.width, heads: shape.heads, hidden: shape.hidden, depth: depth, form: form,
        names: .huggingFaceViT, using: generator)
    }
    norm = LayerNorm(shape.width)
    super.init(width: shape.width, stride: shape.patchSize)
    register(buffer: positions, as: "embeddings.position_embeddings")
    if let patches { register(patches, as: "embeddings.patch_embeddings.projection") }
    if let stem { register(stem, as: "embeddings.stem") }
    for (position, block) in blocks.enumerated() {
      register(block, as: "encoder.layer.\(position)")
    }
    register(norm, as: "layernorm")
  }

  public override func tokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    precondition(
      pictures.rank == 4 && pictures.size(2) % stride == 0 && pictures.size(3) % stride == 0,
      "pictures \(pictures.shape) for patches of \(stride) pixels")
    let table = positionTable(rows: pictures.size(2) / stride, columns: pictures.size(3) / stride)
    var tokens: Tensor
    if let patches {
      tokens = patches(pictures, keeping: kept)
    } else {
      let seen = kept.map { hiding(allBut: $0, in: pictures) } ?? pictures
      let all = stem!(seen)
      tokens = kept.map { all.gatherTokens($0) } ?? all
    }
    let places = kept.map { table.expanded($0.size(0), -1, -1).gatherTokens($0) } ?? table
    tokens = tokens + places
    for block in blocks {
      tokens = recomputesActivations ? checkpointed(tokens) { block($0) } : block(tokens)
    }
    return widened(norm(tokens))
  }

  /// The position codes of a grid; one of another size than in training is stretched over the same area.
  private func positionTable(rows: Int, columns: Int) -> Tensor {
    let side = shape.imageSize / shape.patchSize
    if rows == side && columns == side { return positions }
    let map = positions.reshaped(1, side, side, width).permuted(0, 3, 1, 2)
    return map.resized(height: rows, width: columns, interpolation: .bicubic)
      .flattened(2).transposed(1, 2)
  }
}

/// Convolutions of stride 2 down to one token a cell, as tokens: Xiao et al. 2021, "Early convolutions help
/// transformers see better", arXiv:2106.14881.
public final class ConvolutionalStem: Module {
  private let convolutions: [Conv2d]
  private let norms: [BatchNorm]
  private let projection: Conv2d

  /// Precondition: `stride` is a power of two, at least 2.
  public init(width: Int, stride: Int, using generator: RandomGenerator) {
    let stages = stride.trailingZeroBitCount
    precondition(stride >= 2 && 1 << stages == stride, "a stem of stride \(stride)")
    let channels = (0..<stages).map { max(width >> (stages - $0), 16) }
    convolutions = channels.indices.map {
      Conv2d($0 == 0 ? 3 : channels[$0 - 1], channels[$0], stride: 2, using: generator)
    }
    norms = channels.map { BatchNorm($0) }
    projection = Conv2d(
      channels[stages - 1], width, size: 1, padding: 0, bias: true, using: generator)
    super.init()
    for index in channels.indices {
      register(convolutions[index], as: "convolutions.\(index)")
      register(norms[index], as: "norms.\(index)")
    }
    register(projection, as: "projection")
  }

  /// Pictures `[B, 3, H, W]` to tokens `[B, N, D]`.
  public func callAsFunction(_ pictures: Tensor) -> Tensor {
    let map = zip(convolutions, norms).reduce(pictures.channelsLast()) { map, layers in
      layers.1(layers.0(map)).relu()
    }
    return projection(map).flattened(2).transposed(1, 2)
  }
}

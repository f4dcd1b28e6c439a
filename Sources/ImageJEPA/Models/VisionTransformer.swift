import Torch

/// A vision transformer: Dosovitskiy et al. 2020, arXiv:2010.11929.
///
/// What is trained here has fixed sine-cosine positions and no class token, as in Assran et al. 2023,
/// arXiv:2301.08243, and is Hugging Face's `IJepaModel`. Published ones may have a class token, registers and
/// LayerScale: `TransformerShape`.
public final class VisionTransformer: VisionEncoder {
  static let positionsName = "embeddings.position_embeddings"

  public let shape: TransformerShape
  /// Recomputes each block's activations in the backward pass instead of keeping them.
  public var recomputesActivations = false
  private let patches: PatchEmbedding?
  private let stem: ConvolutionalStem?
  /// `[1, N, D]`; `[1, 1 + N, D]` with a class token.
  private let positions: Tensor
  /// `[1, 1, D]`
  private let classToken: Tensor?
  /// `[1, R, D]`
  private let registers: Tensor?
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm

  /// - Precondition: the patch size divides the picture's side, the heads divide the width.
  public init(
    _ shape: TransformerShape, form: AttentionForm = .fused, using generator: RandomGenerator
  ) {
    precondition(
      shape.imageSize % shape.patchSize == 0,
      "pictures of \(shape.imageSize) pixels in patches of \(shape.patchSize)")
    self.shape = shape
    let (side, width) = (shape.imageSize / shape.patchSize, shape.width)
    patches =
      shape.hasConvolutionalStem
      ? nil : PatchEmbedding(width: width, patchSize: shape.patchSize, using: generator)
    stem =
      shape.hasConvolutionalStem
      ? ConvolutionalStem(width: width, stride: shape.patchSize, using: generator) : nil
    let grid = PositionTable.grid(rows: side, columns: side, width: width)
    positions =
      (shape.hasClassToken ? Tensor.concatenate([Tensor.zeros([1, width]), grid]) : grid)
      .unsqueezed(0)
    classToken =
      shape.hasClassToken ? Initializer.truncatedNormal([1, 1, width], using: generator) : nil
    registers =
      shape.registerCount > 0
      ? Initializer.truncatedNormal([1, shape.registerCount, width], using: generator) : nil
    blocks = (1...shape.depth).map { depth in
      TransformerBlock(
        width: width, heads: shape.heads, hidden: shape.hidden, depth: depth, form: form,
        names: shape.family == .dinov2 ? .huggingFaceDINOv2 : .huggingFaceViT,
        epsilon: shape.epsilon, hasQueryKeyValueBias: shape.hasQueryKeyValueBias,
        hasLayerScale: shape.hasLayerScale, using: generator)
    }
    norm = LayerNorm(width, epsilon: shape.epsilon)
    super.init(width: width, stride: shape.patchSize)
    if shape.family == .ijepa {
      register(buffer: positions, as: Self.positionsName)
    } else {
      register(parameter: positions, as: Self.positionsName)
    }
    if let classToken { register(parameter: classToken, as: "embeddings.cls_token") }
    if let registers { register(parameter: registers, as: "embeddings.register_tokens") }
    if let patches { register(patches, as: "embeddings.patch_embeddings.projection") }
    if let stem { register(stem, as: "embeddings.stem") }
    for (position, block) in blocks.enumerated() {
      register(block, as: "encoder.layer.\(position)")
    }
    register(norm, as: "layernorm")
  }

  public override var tokenKinds: TokenKinds { shape.tokenKinds }

  public override func tokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    patchTokens(of: allTokens(of: pictures, keeping: kept))
  }

  public override func allTokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    widened(norm(transformed(pictures, keeping: kept, through: blocks[...])))
  }

  public override var layerCount: Int { blocks.count }

  public override func tokens(of pictures: Tensor, afterLayer layer: Int) -> Tensor {
    patchTokens(
      of: widened(transformed(pictures, keeping: nil, through: blocks.prefix(layer))))
  }

  private func patchTokens(of all: Tensor) -> Tensor {
    tokenKinds.prefixCount == 0
      ? all : all.slice(tokenKinds.prefixCount..<all.size(1), along: 1)
  }

  /// Every token after some blocks, without the last norm.
  private func transformed(
    _ pictures: Tensor, keeping kept: Tensor?, through blocks: ArraySlice<TransformerBlock>
  ) -> Tensor {
    precondition(
      pictures.rank == 4 && pictures.size(2) % stride == 0 && pictures.size(3) % stride == 0,
      "pictures \(pictures.shape) for patches of \(stride) pixels")
    let table = patchPositions(rows: pictures.size(2) / stride, columns: pictures.size(3) / stride)
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
    let prefix = prefixTokens().map { $0.expanded(pictures.size(0), -1, -1) }
    if !prefix.isEmpty { tokens = Tensor.concatenate(prefix + [tokens], along: 1) }
    for block in blocks {
      tokens = recomputesActivations ? checkpointed(tokens) { block($0) } : block(tokens)
    }
    return tokens
  }

  /// The class token at its position and the registers, which have none.
  private func prefixTokens() -> [Tensor] {
    let first = classToken.map { $0 + positions.slice(0..<1, along: 1) }
    return [first, registers].compactMap { $0 }
  }

  /// The patches' position codes on a grid; one of another size than in training is stretched over the same
  /// area, by the filter that Hugging Face's class has: with registers the antialiased one.
  private func patchPositions(rows: Int, columns: Int) -> Tensor {
    let patches =
      shape.hasClassToken ? positions.slice(1..<positions.size(1), along: 1) : positions
    let side = shape.imageSize / shape.patchSize
    if rows == side && columns == side { return patches }
    let map = patches.reshaped(1, side, side, width).permuted(0, 3, 1, 2)
    return map.resized(
      height: rows, width: columns, interpolation: .bicubic, antialias: shape.registerCount > 0
    ).flattened(2).transposed(1, 2)
  }

  /// The table of positions for pictures of another side, `[1, (1 +) N, D]`: the one that `tokens` computes
  /// with, to be kept.
  func positions(imageSize: Int) -> Tensor {
    let side = imageSize / shape.patchSize
    let patches = patchPositions(rows: side, columns: side)
    return shape.hasClassToken
      ? Tensor.concatenate([positions.slice(0..<1, along: 1), patches], along: 1) : patches
  }
}

import Torch

/// The shape of V-JEPA 2's encoder, or of its predictor.
public struct VJEPA2Shape: Sendable, Equatable {
  public var width: Int
  public var depth: Int
  public var heads: Int
  /// The hidden width of each block's MLP.
  public var hidden: Int

  public init(width: Int, depth: Int, heads: Int, hidden: Int) {
    self.width = width
    self.depth = depth
    self.heads = heads
    self.hidden = hidden
  }

  /// Channels of one head.
  var headWidth: Int { width / heads }

  /// The blocks, with fresh weights.
  func makeBlocks(
    epsilon: Double, hasQueryKeyValueBias: Bool, using generator: RandomGenerator
  ) -> [TransformerBlock] {
    (1...depth).map { block in
      TransformerBlock(
        width: width, heads: heads, hidden: hidden, depth: block, names: .huggingFaceVJEPA2,
        epsilon: epsilon, hasQueryKeyValueBias: hasQueryKeyValueBias, using: generator)
    }
  }
}

/// How V-JEPA 2 cuts clips, and what its encoder and predictor share.
public struct VJEPA2Clips: Sendable, Equatable {
  public var patchSize: Int
  /// The side of a frame in training, in pixels.
  public var imageSize: Int
  /// Frames of a clip in training.
  public var frames: Int
  /// Frames of a token.
  public var tubeletSize: Int
  public var epsilon = 1e-6
  public var hasQueryKeyValueBias = true

  public init(patchSize: Int, imageSize: Int, frames: Int, tubeletSize: Int) {
    self.patchSize = patchSize
    self.imageSize = imageSize
    self.frames = frames
    self.tubeletSize = tubeletSize
  }

  /// Tokens a side of a frame.
  public var side: Int { imageSize / patchSize }
  /// Tokens in time: tubelets of a clip, at least one.
  public var depth: Int { max(1, frames / tubeletSize) }
}

/// V-JEPA 2's encoder of clips, in the layout of Hugging Face's `VJEPA2Model`: tokens are tubelets, and their
/// places turn queries and keys (`RotaryPositions`).
///
/// Assran et al. 2025, arXiv:2506.09985, section 2. A picture is a clip of one tubelet that does not move.
public final class VJEPA2Encoder: VisionEncoder {
  public let shape: VJEPA2Shape
  public let clips: VJEPA2Clips
  private let patches: TubeletEmbedding
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  private var places = PlaceTable()

  public init(_ shape: VJEPA2Shape, clips: VJEPA2Clips, using generator: RandomGenerator) {
    self.shape = shape
    self.clips = clips
    patches = TubeletEmbedding(
      width: shape.width, frames: clips.tubeletSize, patchSize: clips.patchSize, using: generator)
    blocks = shape.makeBlocks(
      epsilon: clips.epsilon, hasQueryKeyValueBias: clips.hasQueryKeyValueBias, using: generator)
    norm = LayerNorm(shape.width, epsilon: clips.epsilon)
    super.init(width: shape.width, stride: clips.patchSize)
    register(patches, as: "embeddings.patch_embeddings.proj")
    for (position, block) in blocks.enumerated() { register(block, as: "layer.\(position)") }
    register(norm, as: "layernorm")
  }

  public override var namePrefix: String { "encoder." }

  /// Clips `[B, T, 3, H, W]`, normalised, to tokens `[B, N, D]`, frame by frame and row by row.
  ///
  /// A clip shorter than one tubelet is repeated to its length, as `VJEPA2Model` does.
  ///
  /// - Parameters:
  ///   - clips: `[B, T, 3, H, W]`, normalised.
  ///   - kept: int64 `[B, n]`, the tokens wanted, which then are `[B, n, D]`; nothing else of the
  ///     clip is seen.
  public func tokens(ofClips clips: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    widened(norm(transformed(clips, keeping: kept, through: blocks)))
  }

  public override var layerCount: Int { blocks.count }

  public override func tokens(of pictures: Tensor, afterLayer layer: Int) -> Tensor {
    widened(
      transformed(
        pictures.unsqueezed(1), keeping: nil, through: Array(blocks.prefix(layer))))
  }

  /// The tokens of clips after some blocks, without the last norm.
  private func transformed(
    _ clips: Tensor, keeping kept: Tensor?, through blocks: [TransformerBlock]
  ) -> Tensor {
    precondition(
      clips.rank == 5 && clips.size(3) % stride == 0 && clips.size(4) % stride == 0,
      "clips \(clips.shape) for patches of \(stride) pixels")
    let tubelet = patches.frames
    let clips = clips.size(1) < tubelet ? clips.tiled(1, tubelet, 1, 1, 1) : clips
    let (times, rows, columns) = (
      clips.size(1) / tubelet, clips.size(3) / stride, clips.size(4) / stride
    )
    let whole = clips.slice(0..<times * tubelet, along: 1)
    let rotation = places.rotation(
      frames: times, rows: rows, columns: columns, headWidth: shape.headWidth, device: clips.device)
    return blocks.transform(
      patches(whole, keeping: kept), rotation: kept.map(rotation.gathered) ?? rotation)
  }

  /// Pictures `[B, 3, H, W]` as clips that do not move: one tubelet, so `[B, N, D]` row by row.
  public override func tokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    tokens(ofClips: pictures.unsqueezed(1), keeping: kept)
  }
}

extension [TransformerBlock] {
  func transform(_ tokens: Tensor, rotation: RotaryPositions) -> Tensor {
    reduce(tokens) { tokens, block in block(tokens, rotation: rotation) }
  }
}

/// The rotary positions of the grid that was asked for last: they are the same for every batch.
struct PlaceTable {
  private var grid: [Int] = []
  private var device: Device?
  private var rotation: RotaryPositions?

  mutating func rotation(
    frames: Int, rows: Int, columns: Int, headWidth: Int, device: Device
  ) -> RotaryPositions {
    if let rotation, grid == [frames, rows, columns, headWidth], self.device == device {
      return rotation
    }
    let made = RotaryPositions(
      frames: frames, rows: rows, columns: columns, headWidth: headWidth
    ).to(device: device)
    (grid, self.device, rotation) = ([frames, rows, columns, headWidth], device, made)
    return made
  }
}

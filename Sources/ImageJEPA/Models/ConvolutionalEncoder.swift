import Torch

/// The shape of a residual network.
public struct ConvolutionalShape: Sendable, Equatable, Codable {
  /// Channels after the first convolution; stages double them up to four times as many.
  public var width: Int
  /// Residual blocks in each of the three widths.
  public var blocks: [Int]
  /// Pixels a side that one token stands for: 8, 16, 32 or 64.
  public var stride: Int

  public init(width: Int, blocks: [Int], stride: Int) {
    self.width = width
    self.blocks = blocks
    self.stride = stride
  }
}

/// A small residual network whose last map is the tokens: the family for CPUs and small pictures.
///
/// What decides the time on a CPU is the number of tokens, so that strides leave 16 to 49. He et al. 2015,
/// arXiv:1512.03385, with the first convolution 3x3.
public final class ConvolutionalEncoder: VisionEncoder {
  public let shape: ConvolutionalShape
  private let stem: Conv2d
  private let stemNorm: BatchNorm
  private let blocks: [ResidualBlock]

  /// - Precondition: three numbers of blocks, each at least 1; a stride of 8, 16, 32 or 64.
  public init(_ shape: ConvolutionalShape, using generator: RandomGenerator) {
    precondition(
      shape.blocks.count == 3 && shape.blocks.allSatisfy { $0 > 0 }
        && [8, 16, 32, 64].contains(shape.stride),
      "a convolutional encoder of shape \(shape)")
    self.shape = shape
    stem = Conv2d(3, shape.width, stride: 2, using: generator)
    stem.readsInput = true
    stemNorm = BatchNorm(shape.width)
    var blocks: [ResidualBlock] = []
    var channels = shape.width
    func add(_ outputs: Int, stride: Int) {
      blocks.append(ResidualBlock(channels, outputs, stride: stride, using: generator))
      channels = outputs
    }
    // Larger pictures are halved more often at the smallest width, before anything is expensive.
    var remaining = shape.stride / 8
    while remaining > 1 {
      add(shape.width, stride: 2)
      remaining /= 2
    }
    for _ in 0..<shape.blocks[0] { add(shape.width, stride: 1) }
    for block in 0..<shape.blocks[1] { add(2 * shape.width, stride: block == 0 ? 2 : 1) }
    for block in 0..<shape.blocks[2] { add(4 * shape.width, stride: block == 0 ? 2 : 1) }
    self.blocks = blocks
    super.init(width: channels, stride: shape.stride)
    register(stem, as: "stem.conv")
    register(stemNorm, as: "stem.bn")
    for (position, block) in blocks.enumerated() { register(block, as: "blocks.\(position)") }
  }

  public override func tokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    precondition(
      pictures.rank == 4 && pictures.size(2) % stride == 0 && pictures.size(3) % stride == 0,
      "pictures \(pictures.shape) for tokens of \(stride) pixels")
    let seen = kept.map { hiding(allBut: $0, in: pictures) } ?? pictures
    let tokens = self.tokens(of: seen, afterLayer: blocks.count)
    return kept.map { tokens.gatherTokens($0) } ?? tokens
  }

  public override var layerCount: Int { blocks.count }

  public override func tokens(of pictures: Tensor, afterLayer layer: Int) -> Tensor {
    var map = stemNorm(stem(pictures.channelsLast())).relu()
    for block in blocks.prefix(layer) { map = block(map) }
    return widened(map.flattened(2).transposed(1, 2))
  }
}

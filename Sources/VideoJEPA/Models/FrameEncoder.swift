import ImageJEPA
import Torch

/// The encoder of video frames: local, so that a token knows its own neighbourhood and nothing else.
///
///     z = S * x + R(x)
///
/// S is one linear convolution, 16x16 pixels every 8, which starts as the whitened principal components of
/// such patches; R is a small convolutional network whose last layer starts at zero. So training begins
/// with tokens that already tell neighbouring frames apart, and can only improve on them. Attention, or
/// any other look at the whole frame, would let tokens name the clip they belong to, which predicts
/// perfectly and says nothing about time.
public final class FrameEncoder: VisionEncoder {
  /// Pixels a side that one token's linear part sees.
  static let patchSize = 16
  private let linear: Conv2d
  private let stem: Conv2d
  private let second: Conv2d
  private let inner: Conv2d
  private let third: Conv2d
  private let norm: LayerNorm
  private let output: Linear

  /// - Parameters:
  ///   - width: D, the width of a token.
  ///   - generator: where the first weights are drawn from.
  public init(width: Int = 96, using generator: RandomGenerator) {
    linear = Conv2d(
      3, width, size: Self.patchSize, stride: 8, padding: 4, bias: true, using: generator)
    stem = Conv2d(3, 32, stride: 2, bias: true, using: generator)
    (linear.readsInput, stem.readsInput) = (true, true)
    second = Conv2d(32, 64, stride: 2, bias: true, using: generator)
    inner = Conv2d(64, 64, bias: true, using: generator)
    third = Conv2d(64, width, stride: 2, bias: true, using: generator)
    norm = LayerNorm(width)
    output = Linear(width, width, standardDeviation: 0, using: generator)
    super.init(width: width, stride: 8)
    register(linear, as: "linear")
    register(stem, as: "stem")
    register(second, as: "second")
    register(inner, as: "inner")
    register(third, as: "third")
    register(norm, as: "norm")
    register(output, as: "output")
  }

  public override func tokens(of pictures: Tensor, keeping kept: Tensor? = nil) -> Tensor {
    precondition(
      pictures.rank == 4 && pictures.size(2) % stride == 0 && pictures.size(3) % stride == 0,
      "pictures \(pictures.shape) for tokens of \(stride) pixels")
    let seen = (kept.map { hiding(allBut: $0, in: pictures) } ?? pictures).channelsLast()
    let straight = linear(seen).flattened(2).transposed(1, 2)
    var map = second(stem(seen).relu()).relu()
    map = map + inner(map).relu()
    let residual = output(norm(third(map).flattened(2).transposed(1, 2)))
    let tokens = widened(straight) + widened(residual)
    return kept.map { tokens.gatherTokens($0) } ?? tokens
  }

  /// Sets the linear part to the whitened principal components of patches.
  ///
  /// - Parameter patches: `[n, 3 * 16 * 16]`, normalised pixels, channel by channel.
  public func whiten(with patches: Tensor) {
    let whitening = PatchWhitening(of: patches, components: width)
    withoutGradient {
      linear.weight.assign(whitening.weight.reshaped(linear.weight.shape))
      linear.bias?.assign(whitening.bias)
    }
  }
}

/// A two-dimensional convolution.
public final class Conv2d: Module {
  /// `[out, in, size, size]`
  public let weight: Tensor
  /// `[out]`
  public let bias: Tensor?
  public let stride: Int
  public let padding: Int

  /// - Parameters:
  ///   - inputs: channels in.
  ///   - outputs: channels out.
  ///   - size: the kernel's side, in pixels.
  ///   - stride: pixels from one output to the next.
  ///   - padding: pixels of zeros on each side; by default as many as keep the size at stride 1.
  ///   - hasBias: leave it out before a batch norm, which would undo it.
  ///   - generator: where the first weights are drawn from.
  public init(
    _ inputs: Int, _ outputs: Int, size: Int = 3, stride: Int = 1, padding: Int? = nil,
    bias hasBias: Bool = false, using generator: RandomGenerator
  ) {
    self.stride = stride
    self.padding = padding ?? size / 2
    weight = Initializer.heNormal(
      [outputs, inputs, size, size], fan: outputs * size * size, using: generator)
    bias = hasBias ? Tensor.zeros([outputs]) : nil
    super.init()
    register(parameter: weight, as: "weight")
    if let bias { register(parameter: bias, as: "bias") }
  }

  /// Pictures `[B, in, H, W]` to `[B, out, H', W']`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.convolved(with: weight, bias: bias, stride: stride, padding: padding)
  }
}

/// Two 3x3 convolutions with batch norm beside a shortcut: the basic block of He et al. 2015,
/// "Deep residual learning", arXiv:1512.03385, section 3.
public final class ResidualBlock: Module {
  private let first: Conv2d
  private let firstNorm: BatchNorm
  private let second: Conv2d
  private let secondNorm: BatchNorm
  private let shortcut: (convolution: Conv2d, norm: BatchNorm)?

  public init(_ inputs: Int, _ outputs: Int, stride: Int = 1, using generator: RandomGenerator) {
    first = Conv2d(inputs, outputs, stride: stride, using: generator)
    firstNorm = BatchNorm(outputs)
    second = Conv2d(outputs, outputs, using: generator)
    // A block whose shortcut has no convolution starts half as strong beside it.
    secondNorm = BatchNorm(outputs, scale: stride == 1 && inputs == outputs ? 0.5 : 1)
    shortcut =
      stride == 1 && inputs == outputs
      ? nil
      : (Conv2d(inputs, outputs, size: 1, stride: stride, using: generator), BatchNorm(outputs))
    super.init()
    register(first, as: "conv1")
    register(firstNorm, as: "bn1")
    register(second, as: "conv2")
    register(secondNorm, as: "bn2")
    if let shortcut {
      register(shortcut.convolution, as: "downsample.0")
      register(shortcut.norm, as: "downsample.1")
    }
  }

  /// `[B, in, H, W]` to `[B, out, H / stride, W / stride]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let residual = secondNorm(second(firstNorm(first(x)).relu()))
    let identity = shortcut.map { $0.norm($0.convolution(x)) } ?? x
    return (residual + identity).relu()
  }
}

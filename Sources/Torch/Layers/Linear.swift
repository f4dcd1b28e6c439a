/// `y = x W^T + b` over the last dimension.
public final class Linear: Module {
  /// `[out, in]`
  public let weight: Tensor
  /// `[out]`
  public let bias: Tensor?

  /// - Parameters:
  ///   - inputs: channels in.
  ///   - outputs: channels out.
  ///   - hasBias: whether a learned vector is added.
  ///   - standardDeviation: of the truncated normal that the weights start from, with zero biases;
  ///     nil for PyTorch's default, uniform within 1 / sqrt(in).
  ///   - parts: see `Module.register(parameter:as:parts:)`; names without `.weight`, `.bias`.
  ///   - generator: where the first weights are drawn from.
  public init(
    _ inputs: Int, _ outputs: Int, bias hasBias: Bool = true, standardDeviation: Double? = nil,
    parts: [String] = [], using generator: RandomGenerator
  ) {
    if let standardDeviation {
      weight = Initializer.truncatedNormal(
        [outputs, inputs], standardDeviation: standardDeviation, using: generator)
      bias = hasBias ? Tensor.zeros([outputs]) : nil
    } else {
      weight = Initializer.fanInUniform([outputs, inputs], fanIn: inputs, using: generator)
      bias =
        hasBias ? Initializer.fanInUniform([outputs], fanIn: inputs, using: generator) : nil
    }
    super.init()
    register(parameter: weight, as: "weight", parts: parts.map { "\($0).weight" })
    if let bias { register(parameter: bias, as: "bias", parts: parts.map { "\($0).bias" }) }
  }

  /// `[…, in]` to `[…, out]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight, bias) }
}

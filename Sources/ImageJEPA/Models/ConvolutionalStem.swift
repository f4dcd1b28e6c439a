import Torch

/// Convolutions of stride 2 down to one token a cell, as tokens: Xiao et al. 2021, "Early convolutions help
/// transformers see better", arXiv:2106.14881.
public final class ConvolutionalStem: Module {
  private let convolutions: [Conv2d]
  private let norms: [BatchNorm]
  private let projection: Conv2d

  /// - Precondition: `stride` is a power of two, at least 2.
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
    convolutions[0].readsInput = true
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

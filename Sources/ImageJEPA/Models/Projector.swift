import Torch

/// A small network behind the encoder, in whose space views are compared; thrown away after training.
///
/// Linear layers with batch norm and ReLU between, none after the last.
public final class Projector: Module {
  private let layers: [Linear]
  private let norms: [BatchNorm]
  /// The width of the output.
  public let width: Int

  /// - Parameters:
  ///   - inputs: the encoder's width.
  ///   - widths: of every layer's output.
  ///   - generator: where the first weights are drawn from.
  public init(_ inputs: Int, widths: [Int], using generator: RandomGenerator) {
    precondition(!widths.isEmpty, "a projector of no layers")
    layers = widths.indices.map { index in
      Linear(
        index == 0 ? inputs : widths[index - 1], widths[index],
        bias: index == widths.count - 1, using: generator)
    }
    norms = widths.dropLast().map { BatchNorm($0) }
    width = widths[widths.count - 1]
    super.init()
    for (index, layer) in layers.enumerated() { register(layer, as: "layers.\(index)") }
    for (index, norm) in norms.enumerated() { register(norm, as: "norms.\(index)") }
  }

  /// `[…, inputs]` to `[…, width]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    var rows = x.rank == 2 ? x : x.reshaped(-1, x.size(-1))
    for (layer, norm) in zip(layers, norms) { rows = norm(layer(rows)).relu() }
    rows = layers[layers.count - 1](rows)
    return x.rank == 2 ? rows : rows.reshaped(Array(x.shape.dropLast()) + [width])
  }
}

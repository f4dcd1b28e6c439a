/// A table of learned vectors, looked up by index.
public final class Embedding: Module {
  /// `[count, width]`
  public let weight: Tensor

  public init(_ count: Int, width: Int, using generator: RandomGenerator) {
    weight = Initializer.truncatedNormal([count, width], using: generator)
    super.init()
    register(parameter: weight, as: "weight")
  }

  /// Indices (int64, any shape `[…]`) to vectors `[…, width]`.
  public func callAsFunction(_ indices: Tensor) -> Tensor { indices.embedded(in: weight) }
}

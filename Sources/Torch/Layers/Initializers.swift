/// Values that weights start from.
public enum Initializer {
  @TaskLocal private static var leavesUnset = false

  /// Runs `body`, in which new weights are memory that nobody wrote to: for modules whose state is read from
  /// a file next. A network of any size is then made at once, and takes pages only where it is filled.
  public static func withoutValues<Result>(_ body: () throws -> Result) rethrows -> Result {
    try $leavesUnset.withValue(true, operation: body)
  }

  /// A normal distribution cut off at two standard deviations, as transformers use.
  public static func truncatedNormal(
    _ shape: [Int], standardDeviation: Double = 0.02, using generator: RandomGenerator
  ) -> Tensor {
    if leavesUnset { return Tensor.empty(shape) }
    // Draws beyond the bounds (4.6 %) are drawn again; after eight rounds none is left in practice.
    var values = Tensor.normal(shape, using: generator)
    for _ in 0..<8 {
      let again = Tensor.normal(shape, using: generator)
      values = values.choose(where: values.abs() .<= 2, else: again)
    }
    return values.clamped(to: -2...2) * standardDeviation
  }

  /// He et al. 2015, arXiv:1502.01852: variance 2 / fan-out, for convolutions before a ReLU.
  public static func heNormal(
    _ shape: [Int], fan: Int, using generator: RandomGenerator
  ) -> Tensor {
    if leavesUnset { return Tensor.empty(shape) }
    return Tensor.normal(shape, using: generator) * (2 / Double(fan)).squareRoot()
  }

  /// Evenly within 1 / sqrt(fan-in): what PyTorch's `Linear` and `Conv2d` start from.
  public static func fanInUniform(
    _ shape: [Int], fanIn: Int, using generator: RandomGenerator
  ) -> Tensor {
    if leavesUnset { return Tensor.empty(shape) }
    return (Tensor.uniform(shape, using: generator) * 2 - 1) * (1 / Double(fanIn)).squareRoot()
  }
}

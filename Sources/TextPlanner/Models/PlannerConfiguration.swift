import TrainingRuns

/// The sizes of a planner's networks.
public struct PlannerConfiguration: RunConfiguration {
  /// Width of the prompt encoder and the predictor.
  public var width = 64
  /// Attention heads of each block.
  public var heads = 4
  /// Width of the hidden layer of each block's MLP.
  public var hidden = 128
  /// Blocks of the prompt encoder.
  public var promptDepth = 2
  /// Blocks of the predictor. Shallow on purpose: a predictor that solves the task in one pass makes the
  /// descent decorative.
  public var predictorDepth = 2
  /// Dimensions of the latent of one symbol of the answer.
  public var latentWidth = 32
  /// Width of a symbol's embedding in the answer autoencoder.
  public var symbolWidth = 16
  /// Width of the hidden layer of the answer decoder.
  public var decoderHidden = 64

  public init() {}

  /// - Throws: `RunError.invalidValue` for a size that makes no network.
  func validate() throws {
    let check = SettingCheck(in: "model")
    try check(
      heads >= 1 && (1...65_536).contains(width) && width % (2 * heads) == 0, "width",
      "a positive multiple of twice the heads (\(heads)), found \(width)")
    for (name, size) in [
      ("hidden", hidden), ("symbolWidth", symbolWidth), ("decoderHidden", decoderHidden),
    ] {
      try check((1...65_536).contains(size), name, "1 to 65536, found \(size)")
    }
    try check((2...65_536).contains(latentWidth), "latentWidth", "2 to 65536, found \(latentWidth)")
    for (name, depth) in [("promptDepth", promptDepth), ("predictorDepth", predictorDepth)] {
      try check((1...64).contains(depth), name, "1 to 64, found \(depth)")
    }
  }
}

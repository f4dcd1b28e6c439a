import Torch
import TrainingRuns

/// The shape of a space-time predictor.
public struct ClipPredictorConfiguration: RunConfiguration {
  /// Channels inside.
  public var width = 128
  /// Residual blocks of two convolutions.
  public var blocks = 2

  public init() {}

  /// - Throws: `RunError.invalidValue`.
  func validate() throws {
    let check = SettingCheck(in: "predictor")
    try check(
      (8...4096).contains(width) && width % 8 == 0, "width",
      "a multiple of 8 from 8 to 4096, found \(width)")
    try check((1...64).contains(blocks), "blocks", "1 to 64, found \(blocks)")
  }
}

/// Predicts the tokens of a frame from those of its neighbours in time.
///
///     past, future:  z'(t) = z(nearest) + F(z of the context)
///     middle:        z'(t) = (z(t - 1) + z(t + 1)) / 2 + F(z of the context)
///
/// F is convolutional with a last layer of zeros, so that training starts at copying the nearest frame:
/// whatever it learns is better than that. Its inputs are the context's frames, and nothing of frame t.
public final class SpaceTimePredictor: Module {
  /// D, the width of a token.
  public let tokenWidth: Int
  private let pastInput: Conv2d
  private let middleInput: Conv2d
  private let blocks: [PreNormBlock]
  private let norm: GroupNorm
  private let pastOutput: Conv2d
  private let middleOutput: Conv2d

  public init(
    tokenWidth: Int, configuration: ClipPredictorConfiguration, using generator: RandomGenerator
  ) {
    self.tokenWidth = tokenWidth
    let width = configuration.width
    pastInput = Conv2d(
      PredictionMode.past.offsets.count * tokenWidth, width, bias: true, using: generator)
    middleInput = Conv2d(
      PredictionMode.middle.offsets.count * tokenWidth, width, bias: true, using: generator)
    blocks = (0..<configuration.blocks).map { _ in PreNormBlock(width, using: generator) }
    norm = GroupNorm(groups: 8, channels: width)
    pastOutput = Conv2d(width, tokenWidth, size: 1, bias: true, using: generator)
    middleOutput = Conv2d(width, tokenWidth, size: 1, bias: true, using: generator)
    super.init()
    withoutGradient {
      pastOutput.weight.assign(0)
      middleOutput.weight.assign(0)
    }
    register(pastInput, as: "past_input")
    register(middleInput, as: "middle_input")
    for (position, block) in blocks.enumerated() { register(block, as: "blocks.\(position)") }
    register(norm, as: "norm")
    register(pastOutput, as: "past_output")
    register(middleOutput, as: "middle_output")
  }

  /// Predicts frames from their contexts.
  ///
  /// - Parameters:
  ///   - mode: from which frames.
  ///   - context: `[n, k, D, h, w]`, the frames at the mode's offsets, in their order.
  /// - Returns: `[n, D, h, w]`, float32.
  public func predict(_ mode: PredictionMode, from context: Tensor) -> Tensor {
    let count = mode.offsets.count
    precondition(
      context.rank == 5 && context.size(1) == count && context.size(2) == tokenWidth,
      "a \(mode) context \(context.shape) of \(count) frames with tokens of \(tokenWidth)")
    let copied =
      mode == .middle
      ? (context.select(1, along: 1) + context.select(2, along: 1)) / 2
      : context.select(count - 1, along: 1)
    var map = (mode == .middle ? middleInput : pastInput)(context.flattened(1, 2).channelsLast())
    for block in blocks { map = block(map) }
    let change = (mode == .middle ? middleOutput : pastOutput)(norm(map).relu())
    return copied + change.to(.float32)
  }
}

/// Two 3x3 convolutions, each after group norm and ReLU, beside a shortcut.
///
/// He et al. 2016, "Identity mappings in deep residual networks", arXiv:1603.05027, with group norm.
private final class PreNormBlock: Module {
  private let firstNorm: GroupNorm
  private let first: Conv2d
  private let secondNorm: GroupNorm
  private let second: Conv2d

  init(_ width: Int, using generator: RandomGenerator) {
    firstNorm = GroupNorm(groups: 8, channels: width)
    first = Conv2d(width, width, bias: true, using: generator)
    secondNorm = GroupNorm(groups: 8, channels: width)
    second = Conv2d(width, width, bias: true, using: generator)
    super.init()
    register(firstNorm, as: "norm1")
    register(first, as: "conv1")
    register(secondNorm, as: "norm2")
    register(second, as: "conv2")
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    x + second(secondNorm(first(firstNorm(x).relu())).relu())
  }
}

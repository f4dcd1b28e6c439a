import Files
import Learning
import Torch

/// The context and target blocks of one batch, as tensors on a device.
public struct BlockMasks {
  /// int64 `[B, n]`, the context's tokens.
  public let context: Tensor
  /// int64 `[B, M * m]`, the tokens of M target blocks, block by block.
  public let targets: Tensor
  /// M
  public let blocks: Int

  /// - Parameters:
  ///   - context: token numbers of each item's context, all of one length.
  ///   - targets: token numbers `[B, M, m]`.
  ///   - device: where the numbers go.
  public init(context: Tensor, targets: Tensor, device: Device) {
    self.context = context.to(device: device)
    self.targets = targets.flattened(1).to(device: device)
    blocks = targets.size(1)
  }

  /// Draws the blocks of a share of pictures. The draw depends on the generator only.
  ///
  /// Each process draws those of all pictures and takes its own: so they are the same by however many processes, and all
  /// contexts are of one length.
  static func draw(
    _ mask: MultiBlockMask, for share: ItemShare, grid: TokenGrid,
    using generator: RandomGenerator, device: Device
  ) -> BlockMasks {
    let all = draw(mask, count: share.total, grid: grid, using: generator, device: device)
    return BlockMasks(
      context: share.own(of: all.context), targets: share.own(of: all.targets), blocks: all.blocks)
  }

  private init(context: Tensor, targets: Tensor, blocks: Int) {
    self.context = context
    self.targets = targets
    self.blocks = blocks
  }

  /// Draws the blocks of `count` pictures. The draw depends on the generator only.
  static func draw(
    _ mask: MultiBlockMask, count: Int, grid: TokenGrid, using generator: RandomGenerator,
    device: Device
  ) -> BlockMasks {
    let seed = UInt64(Tensor.integers(in: 0..<Int(Int64.max), [1], using: generator).integer())
    var draws = SeededGenerator(seed: seed)
    let masks = mask.draw(itemCount: count, grid: grid, using: &draws)
    return BlockMasks(
      context: Tensor(masks.context, shape: [count, masks.contextLength]),
      targets: Tensor(masks.targets, shape: [count, masks.targetCount, masks.targetLength]),
      device: device)
  }

  /// One target block for each picture, and everything else as its context.
  ///
  /// - Parameter hidden: int64 `[B, m]`, the block's tokens, none twice.
  init(hiding hidden: Tensor, grid: TokenGrid, device: Device) {
    let visible = withoutGradient {
      let hidden = hidden.to(device: .cpu)
      let flags = Tensor.zeros([hidden.size(0), grid.count])
        .scattered(Tensor.ones(hidden.shape), at: hidden, along: 1)
      let first = flags.sorted(along: 1).indices.slice(0..<grid.count - hidden.size(1), along: 1)
      return first.sorted(along: 1).values
    }
    self.init(context: visible, targets: hidden.unsqueezed(1), device: device)
  }

  /// Predicts the target blocks from context tokens `[B, n, D]`: `[B, M * m, outputs]`.
  ///
  /// - Parameter together: all blocks of a picture in one sequence, as V-JEPA does (Bardes et al. 2024,
  ///   arXiv:2404.08471): the context goes through the predictor once instead of M times. Otherwise each
  ///   block by itself, as in I-JEPA. Mask tokens hold nothing but places, so either way a prediction
  ///   sees the context only.
  func predict(with predictor: TokenPredictor, from tokens: Tensor, together: Bool) -> Tensor {
    guard !together else { return predictor.predict(targets, from: tokens, at: context) }
    let (items, length) = (targets.size(0), targets.size(1) / blocks)
    let predictions = predictor.predict(
      targets.reshaped(items * blocks, length), from: tokens.repeatingEach(blocks),
      at: context.repeatingEach(blocks))
    return predictions.reshaped(items, blocks * length, -1)
  }
}

extension TokenPredictor {
  /// What is predicted of the tokens that each mask hides in all pictures, from the others, in inference.
  ///
  /// - Parameters:
  ///   - pictures: `[B, 3, S, S]`, normalised.
  ///   - masks: int64 `[m]` each, none twice.
  ///   - encoder: encodes what is visible.
  ///   - grid: the pictures' tokens.
  /// - Returns: for each mask `[B, m, outputs]`.
  func predictions(
    of pictures: Tensor, hiding masks: [Tensor], encodedBy encoder: VisionEncoder, grid: TokenGrid
  ) -> [Tensor] {
    encoder.inferring(with: self) {
      masks.map { mask in
        let blocks = BlockMasks(
          hiding: mask.unsqueezed(0).expanded(pictures.size(0), -1), grid: grid,
          device: pictures.device)
        let context = encoder.tokens(of: pictures, keeping: blocks.context)
        return blocks.predict(with: self, from: context, together: true)
      }
    }
  }
}

import Torch
import TrainingRuns

/// The blocks of one batch, as tensors on a device.
struct BlockMasks {
  /// int64 `[B, n]`, the context's tokens.
  let context: Tensor
  /// int64 `[M * B, m]`, the tokens of M target blocks, block by block.
  let targets: Tensor
  /// M
  let blocks: Int

  init(_ masks: MultiBlockMask.Batch, device: Device) {
    let (items, count, length) = (masks.itemCount, masks.targetCount, masks.targetLength)
    context = Tensor(masks.context, shape: [items, masks.contextLength]).to(device: device)
    targets = Tensor(masks.targets, shape: [items, count, length])
      .transposed(0, 1).reshaped(count * items, length).to(device: device)
    blocks = count
  }

  /// Draws the blocks of `count` pictures. The draw depends on the generator only.
  static func draw(
    _ mask: MultiBlockMask, count: Int, grid: TokenGrid, using generator: RandomGenerator,
    device: Device
  ) -> BlockMasks {
    let seed = UInt64(Tensor.integers(in: 0..<Int(Int64.max), [1], using: generator).integer())
    var draws = SeededGenerator(seed: seed)
    return BlockMasks(mask.draw(itemCount: count, grid: grid, using: &draws), device: device)
  }

  /// Tokens `[B, N, D]` reduced to those of the target blocks: `[M * B, m, D]`.
  func targets(of tokens: Tensor) -> Tensor {
    tokens.tiled(blocks, 1, 1).gatherTokens(targets)
  }

  /// Predicts the target blocks from context tokens `[B, n, D]`: `[M * B, m, outputs]`.
  ///
  /// Every block is predicted by itself, as published; all of them are one batch.
  func predict(with predictor: TokenPredictor, from tokens: Tensor) -> Tensor {
    predictor.predict(targets, from: tokens.tiled(blocks, 1, 1), at: context.tiled(blocks, 1))
  }
}

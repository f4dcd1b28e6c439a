import ImageJEPA
import Torch

/// Predictions of all frames of clips that have the whole context, and the energy that is left.
struct ClipPredictions {
  let mode: PredictionMode
  /// The frames, as places in the clip, that were predicted.
  let targets: Range<Int>
  /// `[B, n, D, h, w]`
  let predicted: Tensor
  /// `[B, n, D, h, w]`: what the frames' tokens are.
  let actual: Tensor

  /// Predicts in clips of token maps `[B, T, D, h, w]`; nil where no frame has the whole context.
  init?(
    _ mode: PredictionMode, of maps: Tensor, by predictor: SpaceTimePredictor,
    precision: DType? = nil
  ) {
    let targets = mode.targets(frameCount: maps.size(1))
    guard !targets.isEmpty else { return nil }
    self.mode = mode
    self.targets = targets
    let (batch, count) = (maps.size(0), targets.count)
    let frames = mode.offsets.map { offset in
      maps.slice(targets.lowerBound + offset..<targets.upperBound + offset, along: 1)
    }
    let context = Tensor.stack(frames, along: 2).flattened(0, 1)
    let flat = withAutocast(to: precision, on: maps.device) {
      predictor.predict(mode, from: context)
    }
    predicted = flat.reshaped([batch, count] + Array(flat.shape.dropFirst()))
    actual = maps.slice(targets, along: 1)
  }

  /// The energy of every token, `[B, n, h, w]`: the mean squared error over D.
  var energies: Tensor { (predicted - actual).squared().mean(2) }
}

extension VisionEncoder {
  /// Clips `[B, T, 3, S, S]`, encoded frame by frame, to maps of tokens `[B, T, D, h, w]`, float32.
  func maps(of clips: Tensor, precision: DType? = nil) -> Tensor {
    let (batch, frames) = (clips.size(0), clips.size(1))
    let grid = grid(imageSize: clips.size(3))
    let tokens = withAutocast(to: precision, on: clips.device) {
      self.tokens(of: clips.flattened(0, 1))
    }
    return tokens.transposed(1, 2).reshaped(batch, frames, width, grid.height, grid.width)
  }
}

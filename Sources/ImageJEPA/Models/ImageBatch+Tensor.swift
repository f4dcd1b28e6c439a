import Pictures
import Torch

extension ImageBatch {
  /// The pictures `[B, 3, S, S]`, without a copy: valid until the batch is released.
  public var tensor: Tensor {
    Tensor.view(of: pixels, shape: [count, 3, size, size], keepingAlive: self)
  }
}

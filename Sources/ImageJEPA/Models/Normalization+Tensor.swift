import Pictures
import Torch

extension Normalization {
  /// Pictures `[B, 3, S, S]` in 0…1, normalised.
  package func normalized(_ pictures: Tensor) -> Tensor {
    (pictures - channels(mean, like: pictures)) / channels(standardDeviation, like: pictures)
  }

  /// Normalised pictures `[B, 3, S, S]` as they were, in 0…1.
  package func undone(in pictures: Tensor) -> Tensor {
    pictures * channels(standardDeviation, like: pictures) + channels(mean, like: pictures)
  }

  private func channels(_ values: SIMD3<Float>, like pictures: Tensor) -> Tensor {
    Tensor([values.x, values.y, values.z], shape: [1, 3, 1, 1])
      .to(pictures.dtype, device: pictures.device)
  }
}

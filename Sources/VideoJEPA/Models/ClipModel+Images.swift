import Frames
import Pictures
import Torch

extension ClipModel {
  /// Makes a frame what the encoder reads.
  ///
  /// - Parameters:
  ///   - bytes: S * S RGB pixels.
  ///   - target: room for `[3, S, S]`.
  func standardize(_ bytes: [UInt8], to target: UnsafeMutablePointer<Float>) {
    let planes = PixelPlanes(target, width: frameSize, height: frameSize)
    bytes.withUnsafeBufferPointer { planes.fill(with: $0.baseAddress!) }
    description.normalization.apply(to: planes)
  }

  /// Frames in a row as the encoder reads them, `[1, T, 3, S, S]`.
  ///
  /// - Precondition: at least one frame.
  func clip(of images: [RGBImage], device: Device = .cpu) -> Tensor {
    let scaler = FrameScaler(size: frameSize)
    let count = 3 * frameSize * frameSize
    var pixels = [Float](repeating: 0, count: images.count * count)
    pixels.withUnsafeMutableBufferPointer { pixels in
      for (index, image) in images.enumerated() {
        standardize(scaler.bytes(of: image), to: pixels.baseAddress! + index * count)
      }
    }
    return Tensor(pixels, shape: [1, images.count, 3, frameSize, frameSize]).to(device: device)
  }

  /// The tokens of each frame by itself.
  public func tokenFrames(of images: [RGBImage], device: Device = .cpu) -> [TokenFrame] {
    guard !images.isEmpty else { return [] }
    return withoutGradient {
      let maps = encoder.maps(of: clip(of: images, device: device))[0]
      let tokens = maps.flattened(2).transposed(1, 2).contiguous().to(device: .cpu)
      return images.indices.map {
        TokenFrame(tokens[$0].array(), count: tokens.size(1), width: tokens.size(2))
      }
    }
  }
}

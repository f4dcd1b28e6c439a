/// Frames of any size as the small squares that an encoder of frames reads.
///
/// The whole frame is squeezed into the square: nothing of it may go unseen. An instance keeps its memory
/// from call to call; it belongs to one thread.
final class FrameScaler {
  private let size: Int
  private let resampler = Resampler()
  private var planes = ReusedBuffer<Float>()

  init(size: Int) { self.size = size }

  /// `size * size` RGB pixels.
  func bytes(of image: RGBImage) -> [UInt8] {
    guard image.width != size || image.height != size else { return image.pixels }
    let count = size * size
    let planes = planes.reserve(count * 3)
    image.pixels.withUnsafeBufferPointer {
      resampler.resample(
        $0.baseAddress!, sourceWidth: image.width, sourceHeight: image.height,
        box: CropBox(width: image.width, height: image.height), to: planes, width: size,
        height: size, scale: SIMD3(repeating: 1), offset: SIMD3(repeating: 0.5))
    }
    return [UInt8](unsafeUninitializedCapacity: count * 3) { bytes, length in
      for pixel in 0..<count {
        for channel in 0..<3 {
          bytes[pixel * 3 + channel] = UInt8(planes[channel * count + pixel])
        }
      }
      length = count * 3
    }
  }
}

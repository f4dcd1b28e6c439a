import Pictures

/// Frames of any size as the small squares that an encoder of frames reads.
///
/// The whole frame is squeezed into the square: nothing of it may go unseen. An instance keeps its memory
/// from call to call; it belongs to one thread.
package final class FrameScaler {
  private let width: Int
  private let height: Int
  private let resampler = Resampler()
  private var planes = ReusedBuffer<Float>()

  package convenience init(size: Int) { self.init(width: size, height: size) }

  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// `height` rows of `width` RGB pixels.
  package func bytes(of image: RGBImage) -> [UInt8] {
    guard image.width != width || image.height != height else { return image.pixels }
    let count = width * height
    let planes = planes.reserve(count * 3)
    image.pixels.withUnsafeBufferPointer {
      resampler.resample(
        $0.baseAddress!, sourceWidth: image.width, sourceHeight: image.height,
        box: CropBox(width: image.width, height: image.height), to: planes, width: width,
        height: height, scale: SIMD3(repeating: 1), offset: SIMD3(repeating: 0.5))
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

extension RGBImage {
  /// The whole picture squeezed or stretched to another size, antialiased.
  ///
  /// - Precondition: both sides are positive.
  public func resized(width: Int, height: Int) -> RGBImage {
    RGBImage(
      width: width, height: height,
      pixels: FrameScaler(width: width, height: height).bytes(of: self))
  }
}

import Pictures

/// Frames of any size as the small squares that an encoder of frames reads.
///
/// The whole frame is squeezed into the square: nothing of it may go unseen. An instance keeps its memory
/// from call to call; it belongs to one thread.
package final class FrameScaler {
  private let size: FrameSize
  private let workspace = ImageWorkspace()

  package convenience init(size: Int) { self.init(FrameSize(width: size, height: size)) }

  init(_ size: FrameSize) { self.size = size }

  /// Rows of RGB pixels.
  package func bytes(of image: RGBImage) -> [UInt8] { scaled(image).pixels }

  func scaled(_ image: RGBImage) -> RGBImage {
    let found = FrameSize(width: image.width, height: image.height)
    guard found != size else { return image }
    return image.pixels.withUnsafeBufferPointer {
      workspace.resized($0.baseAddress!, from: found, to: size)
    }
  }
}

extension RGBImage {
  /// The whole picture squeezed or stretched to another size, antialiased.
  ///
  /// - Precondition: both sides are positive.
  public func resized(width: Int, height: Int) -> RGBImage {
    FrameScaler(FrameSize(width: width, height: height)).scaled(self)
  }
}

extension ImageWorkspace {
  /// A picture of 8-bit RGB resized to `target`, antialiased; unchanged where it has that size.
  func resized(
    _ pixels: UnsafePointer<UInt8>, from size: FrameSize, to target: FrameSize
  ) -> RGBImage {
    let count = target.width * target.height
    guard size != target else {
      return RGBImage(
        width: size.width, height: size.height,
        pixels: Array(UnsafeBufferPointer(start: pixels, count: count * 3)))
    }
    let planes = planes.reserve(count * 3)
    resampler.resample(
      pixels, sourceWidth: size.width, sourceHeight: size.height,
      box: CropBox(width: size.width, height: size.height), to: planes, width: target.width,
      height: target.height, scale: SIMD3(repeating: 1), offset: SIMD3(repeating: 0.5))
    let bytes = [UInt8](unsafeUninitializedCapacity: count * 3) { bytes, length in
      for pixel in 0..<count {
        bytes[pixel * 3] = UInt8(planes[pixel])
        bytes[pixel * 3 + 1] = UInt8(planes[count + pixel])
        bytes[pixel * 3 + 2] = UInt8(planes[2 * count + pixel])
      }
      length = count * 3
    }
    return RGBImage(width: target.width, height: target.height, pixels: bytes)
  }
}

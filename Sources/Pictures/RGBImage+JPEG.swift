import CImage
import Foundation

extension RGBImage {
  /// The picture as a JPEG file, for thumbnails.
  ///
  /// - Parameters:
  ///   - quality: 1 to 100.
  ///   - name: what messages call the picture.
  /// - Throws: `ImageError.outOfMemory` with `name`.
  /// - Precondition: no side is above 65,500.
  public func jpegBytes(quality: Int, name: String = "a JPEG") throws(ImageError) -> [UInt8] {
    precondition(
      width <= 65_500 && height <= 65_500 && (1...100).contains(quality),
      "a JPEG of \(width)x\(height) and quality \(quality)")
    var bytes: UnsafeMutablePointer<UInt8>?
    var length = 0
    var failure = cimage_failure()
    let result = cimage_encode_jpeg(
      pixels, Int32(width), Int32(height), Int32(quality), &bytes, &length, &failure)
    defer { free(bytes) }
    guard result == CIMAGE_OK, let bytes else { throw .outOfMemory(path: name) }
    return Array(UnsafeBufferPointer(start: bytes, count: length))
  }
}

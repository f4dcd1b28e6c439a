import CImage
import Files
import Foundation

extension RGBImage {
  /// The picture as a PNG file.
  ///
  /// - Throws: `ImageError.outOfMemory` with `name`.
  public func pngBytes(name: String = "a PNG") throws(ImageError) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    var length = 0
    var failure = cimage_failure()
    let result = cimage_encode_png(
      pixels, Int32(width), Int32(height), &bytes, &length, &failure)
    defer { free(bytes) }
    guard result == CIMAGE_OK, let bytes else { throw .outOfMemory(path: name) }
    return Array(UnsafeBufferPointer(start: bytes, count: length))
  }

  /// Writes the picture to a PNG file, which appears whole or not at all.
  ///
  /// - Throws: `ImageError.unwritableFile` with the path and the reason.
  public func write(toPNG path: String) throws(ImageError) {
    let data = Data(try pngBytes(name: path))
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      let reason = error.errorNumber.map { String(cString: strerror($0)) }
      throw .unwritableFile(path: path, reason: reason ?? "\(error.localizedDescription)")
    }
  }
}

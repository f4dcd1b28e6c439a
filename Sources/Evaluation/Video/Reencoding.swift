import Foundation
import Frames
import Pictures

/// Puts clips through a video encoder and back, as files have been that come from somewhere: repeats are no longer
/// exact, and every picture has a little of its neighbours in it.
struct Reencoding: Sendable {
  /// H.264's constant rate factor, 0…51: 18 looks like what went in, 28 shows blocks, 40 falls apart.
  let rateFactor: Int

  /// - Returns: as many frames, of the same size.
  /// - Throws: `FrameError` where there is no ffmpeg with H.264.
  func callAsFunction(
    _ images: [RGBImage], framesPerSecond: Double
  ) throws(FrameError) -> [RGBImage] {
    guard let first = images.first else { return [] }
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("reencoded-\(UUID().uuidString).mkv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let size = FrameSize(width: first.width, height: first.height)
    let writer = try VideoFileWriter(
      path, size: size, framesPerSecond: framesPerSecond,
      encoding: ["-c:v", "libx264", "-preset", "veryfast", "-crf", "\(rateFactor)"])
    for image in images { try writer.append(image) }
    try writer.finish()
    let frames = try FrameInput.open(path, options: FrameOptions(shortSide: nil))
      .remainingFrames()
    guard frames.count == images.count else {
      throw .unwritableVideo(
        path: path, reason: "\(images.count) frames went in, \(frames.count) came back")
    }
    return frames.map { $0.image.cropped(to: size) }
  }
}

extension RGBImage {
  /// The upper left part.
  ///
  /// - Precondition: the picture is at least as large.
  fileprivate func cropped(to size: FrameSize) -> RGBImage {
    guard width != size.width || height != size.height else { return self }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(size.width * size.height * 3)
    for row in 0..<size.height {
      pixels += self.pixels[row * width * 3..<(row * width + size.width) * 3]
    }
    return RGBImage(width: size.width, height: size.height, pixels: pixels)
  }
}

import Files
import Frames
import Pictures

/// Synthetic clips to learn from: things cut out of pictures, or shapes, that move as solid things do.
///
/// Every window comes from a clip of its own that a seed decides, from anywhere within it.
public struct MadeUpClips: Sendable {
  /// Frames of each clip; a window is a few of them.
  private static let frameCount = 96
  private let cutOuts: [CutOut]

  /// - Parameter cutOuts: what moves beside shapes; may be empty.
  public init(cutOuts: [CutOut] = []) { self.cutOuts = cutOuts }

  /// Clips of what can be cut out of the pictures of a folder, at most `limit` of them.
  ///
  /// - Throws: `ImageError` where the folder cannot be read, or holds no picture.
  public init(folder: String, atMost limit: Int = 2000) throws(ImageError) {
    cutOuts = try CutOut.all(inFolder: folder, atMost: limit)
  }

  /// Frames of one clip, each `size * size` RGB pixels.
  ///
  /// - Precondition: `count` is at most 96.
  func frames(_ count: Int, size: Int, seed: UInt64) -> [[UInt8]] {
    precondition(count <= Self.frameCount, "\(count) of \(Self.frameCount) frames")
    var generator = SeededGenerator(seed: seed, 0x5c1e)
    let options = SyntheticClip.Options(width: size, height: size, frameCount: Self.frameCount)
    let clip = SyntheticClip(seed: generator.next(), options: options, pictures: cutOuts)
    let start = generator.index(below: Self.frameCount - count + 1)
    return (start..<start + count).map { clip.image(at: $0).pixels }
  }
}

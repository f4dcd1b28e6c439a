import Files
import Foundation
import Pictures

/// The shots that training draws from: small frames, decoded once and kept as bytes.
///
/// 64x64 frames take 12 KiB each, so that 2 GiB hold about 175,000: two hours at 24 frames a second. A
/// training step never waits for a video to be decoded.
public struct ClipLibrary: Sendable {
  /// Frames of one source in a row, without a cut between.
  public struct Shot: Sendable {
    /// Where it comes from.
    public let path: String
    /// The place of its first frame in the source.
    public let firstFrame: Int
    public let frameCount: Int
    /// `frameCount` frames of `size * size` RGB pixels.
    let pixels: [UInt8]
  }

  /// Side of the square frames, in pixels.
  public let size: Int
  public private(set) var shots: [Shot] = []

  public init(size: Int) { self.size = size }

  /// Bytes of one frame.
  var frameBytes: Int { size * size * 3 }

  public var frameCount: Int { shots.reduce(0) { $0 + $1.frameCount } }

  /// Bytes of all frames.
  public var byteCount: Int { frameCount * frameBytes }

  /// - Precondition: `pixels` are whole frames of the library's size.
  mutating func append(pixels: [UInt8], path: String, firstFrame: Int) {
    precondition(
      pixels.count % frameBytes == 0 && !pixels.isEmpty,
      "\(pixels.count) bytes for frames of \(frameBytes)")
    shots.append(
      Shot(
        path: path, firstFrame: firstFrame, frameCount: pixels.count / frameBytes, pixels: pixels))
  }

  /// A number that changes with the length of any shot and with its pixels, taken eight bytes at a time.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for shot in shots {
      fingerprint.add(UInt64(shot.frameCount))
      shot.pixels.withUnsafeBytes { bytes in
        for offset in stride(from: 0, to: bytes.count - 7, by: 8) {
          fingerprint.add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
      }
    }
    return String(fingerprint.value, radix: 16)
  }

  /// Patches of random places in random frames, normalised: `[count * size * size * 3]`, channel by channel.
  ///
  /// - Precondition: the library holds frames of at least `side` pixels.
  func patches(
    _ count: Int, side: Int, normalization: Normalization, seed: UInt64
  ) -> [Float] {
    precondition(!shots.isEmpty && side <= size, "patches of \(side) pixels of no frames")
    var generator = SeededGenerator(seed: seed, 0x9a7c)
    var values = [Float](repeating: 0, count: count * side * side * 3)
    values.withUnsafeMutableBufferPointer { values in
      for patch in 0..<count {
        let shot = shots[generator.index(below: shots.count)]
        let frame = generator.index(below: shot.frameCount) * frameBytes
        let (x, y) = (
          generator.index(below: size - side + 1), generator.index(below: size - side + 1)
        )
        let planes = PixelPlanes(
          values.baseAddress! + patch * side * side * 3, width: side, height: side)
        for row in 0..<side {
          for column in 0..<side {
            let source = frame + ((y + row) * size + x + column) * 3
            for channel in 0..<3 {
              planes.plane(channel)[row * side + column] =
                Float(shot.pixels[source + channel]) / 255
            }
          }
        }
        normalization.apply(to: planes)
      }
    }
    return values
  }
}

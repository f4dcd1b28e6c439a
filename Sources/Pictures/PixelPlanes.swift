import Foundation

/// Borrowed memory of one picture: three planes of Float32, `[3, height, width]`, red first.
///
/// The corruptions work on values in 0...1 in place; `CellMask` and `Erase` on normalised ones.
public struct PixelPlanes {
  public let base: UnsafeMutablePointer<Float>
  public let width: Int
  public let height: Int

  public init(_ base: UnsafeMutablePointer<Float>, width: Int, height: Int) {
    self.base = base
    self.width = width
    self.height = height
  }

  /// Values in one plane.
  @inlinable
  public var planeCount: Int { width * height }

  @inlinable
  package func plane(_ channel: Int) -> UnsafeMutablePointer<Float> { base + channel * planeCount }

  /// Replaces every pixel by `transform` of it. Without branches in `transform` the compiler makes
  /// vectors of it, and in other modules only of what is inlinable.
  @inlinable @inline(__always)
  package func mapColors(_ transform: (inout Float, inout Float, inout Float) -> Void) {
    let (red, green, blue) = (plane(0), plane(1), plane(2))
    for i in 0..<planeCount {
      var (r, g, b) = (red[i], green[i], blue[i])
      transform(&r, &g, &b)
      red[i] = r
      green[i] = g
      blue[i] = b
    }
  }

  /// Sets all planes to `source`, `width * height` RGB pixels of bytes, as values in 0...1.
  package func fill(with source: UnsafePointer<UInt8>, mirrored: Bool = false) {
    let (red, green, blue) = (plane(0), plane(1), plane(2))
    for y in 0..<height {
      for x in 0..<width {
        let pixel = source + (y * width + (mirrored ? width - 1 - x : x)) * 3
        let place = y * width + x
        red[place] = Float(pixel[0]) * (1 / 255)
        green[place] = Float(pixel[1]) * (1 / 255)
        blue[place] = Float(pixel[2]) * (1 / 255)
      }
    }
  }

  /// Sets a rectangle of all planes to zero; it is cut to the picture.
  package func clear(x: Int, y: Int, width: Int, height: Int) {
    let left = max(x, 0)
    let right = min(x + width, self.width)
    let top = max(y, 0)
    let bottom = min(y + height, self.height)
    guard left < right && top < bottom else { return }
    for channel in 0..<3 {
      for row in top..<bottom {
        (plane(channel) + row * self.width + left).update(repeating: 0, count: right - left)
      }
    }
  }
}

/// Brightness of a colour: the weights of ITU-R BT.601 as torchvision rounds them.
@inlinable @inline(__always)
package func luma(_ red: Float, _ green: Float, _ blue: Float) -> Float {
  red * 0.2989 + green * 0.587 + blue * 0.114
}

@inlinable @inline(__always)
package func cutToUnit(_ value: Float) -> Float { min(max(value, 0), 1) }

/// Per-channel mean and standard deviation that a picture in 0...1 is standardised with:
/// `(x - mean) / standardDeviation`.
public struct Normalization: Codable, Sendable, Equatable {
  public var mean: SIMD3<Float>
  public var standardDeviation: SIMD3<Float>

  public init(mean: SIMD3<Float>, standardDeviation: SIMD3<Float>) {
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// The statistics of ImageNet, which I-JEPA and most published encoders use.
  public static let imageNet = Normalization(
    mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])
  /// Leaves 0...1 as it is.
  public static let identity = Normalization(mean: .zero, standardDeviation: .one)

  /// What 0…255 is multiplied with, to be normalised while it is resampled.
  var scaleOfBytes: SIMD3<Float> { 1 / (255 * standardDeviation) }
  /// What is added then.
  var offset: SIMD3<Float> { -mean / standardDeviation }

  /// Normalises planes in 0…1, of views that were changed before. Bytes are scaled in one step instead, whose last bits
  /// differ.
  package func apply(to pixels: PixelPlanes) {
    for channel in 0..<3 {
      let plane = pixels.plane(channel)
      let scale = 1 / standardDeviation[channel]
      let offset = -mean[channel] * scale
      for i in 0..<pixels.planeCount { plane[i] = plane[i] * scale + offset }
    }
  }

  package func validate() throws(ImageError) {
    for channel in 0..<3
    where !(standardDeviation[channel] > 0) || !mean[channel].isFinite {
      throw .invalidSetting(
        name: "normalization", expected: "finite means and positive standard deviations",
        found: "mean \(mean[channel]), standard deviation \(standardDeviation[channel])")
    }
  }
}

/// Checks that settings share.
package enum Setting {
  package static func probability(_ value: Float, _ name: String) throws(ImageError) {
    guard value >= 0 && value <= 1 else {
      throw .invalidSetting(
        name: "\(name).probability", expected: "a number in 0...1", found: "\(value)")
    }
  }

  package static func range(
    _ range: ClosedRange<Float>, in allowed: ClosedRange<Float>, _ name: String
  ) throws(ImageError) {
    guard allowed.contains(range.lowerBound) && allowed.contains(range.upperBound) else {
      throw .invalidSetting(
        name: name, expected: "a range within \(allowed)", found: "\(range)")
    }
  }
}

import Files
import Foundation
import Pictures

/// A picture that is drawn on.
struct Canvas {
  let width: Int
  let height: Int
  /// `height` rows of `width` RGB pixels.
  private(set) var pixels: [UInt8]

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    pixels = [UInt8](repeating: 0, count: width * height * 3)
  }

  init(_ image: RGBImage) {
    width = image.width
    height = image.height
    pixels = image.pixels
  }

  var image: RGBImage { RGBImage(width: width, height: height, pixels: pixels) }

  /// Fills the canvas with a texture that goes on for ever, mirrored at its edges.
  ///
  /// - Parameters:
  ///   - left: the texture's column at the canvas' left edge; `top` likewise.
  ///   - step: texture pixels for each pixel of the canvas.
  mutating func fill(with texture: RGBImage, left: Float, top: Float, step: Float) {
    // Where each column falls is the same for all rows.
    let columns = (0..<width).map { x in
      Self.mirrored(left + (Float(x) + 0.5) * step - 0.5, texture.width)
    }
    let width = width
    pixels.withUnsafeMutableBufferPointer { target in
      texture.pixels.withUnsafeBufferPointer { source in
        for y in 0..<height {
          let row = Self.mirrored(top + (Float(y) + 0.5) * step - 0.5, texture.height)
          let (upper, lower) = (row.first * texture.width * 3, row.second * texture.width * 3)
          var out = y * width * 3
          for column in columns {
            let (a, b) = (column.first * 3, column.second * 3)
            for channel in 0..<3 {
              let top =
                Int32(source[upper + a + channel]) &* (256 &- column.weight)
                &+ Int32(source[upper + b + channel]) &* column.weight
              let bottom =
                Int32(source[lower + a + channel]) &* (256 &- column.weight)
                &+ Int32(source[lower + b + channel]) &* column.weight
              target[out + channel] = UInt8(
                truncatingIfNeeded: (top &* (256 &- row.weight) &+ bottom &* row.weight &+ 32768)
                  >> 16)
            }
            out += 3
          }
        }
      }
    }
  }

  /// The two texture pixels around a place, and the second one's weight of 256.
  private static func mirrored(_ place: Float, _ count: Int) -> (
    first: Int, second: Int, weight: Int32
  ) {
    func reflected(_ index: Int) -> Int {
      let rest = ((index % (2 * count)) + 2 * count) % (2 * count)
      return rest < count ? rest : 2 * count - 1 - rest
    }
    let whole = place.rounded(.down)
    return (
      reflected(Int(whole)), reflected(Int(whole) + 1), Int32(((place - whole) * 256).rounded())
    )
  }

  /// Draws `cutOut` with its middle at (`x`, `y`).
  ///
  /// - Parameters:
  ///   - scale: pixels of the canvas for each pixel of the cut-out.
  ///   - angle: in radians, clockwise.
  ///   - opacity: 0...1.
  mutating func draw(
    _ cutOut: CutOut, x: Float, y: Float, scale: Float, angle: Float = 0, opacity: Float = 1
  ) {
    guard scale > 0, opacity > 0 else { return }
    var (depth, scale) = (0, scale)
    while depth + 1 < cutOut.levels.count && scale < 0.75 {
      depth += 1
      scale *= 2
    }
    let level = cutOut.levels[depth]
    let (halfWidth, halfHeight) = (Float(level.width) / 2, Float(level.height) / 2)
    let (cosine, sine) = (cos(angle) / scale, sin(angle) / scale)
    let reachX = (abs(cos(angle)) * halfWidth + abs(sin(angle)) * halfHeight) * scale + 1
    let reachY = (abs(sin(angle)) * halfWidth + abs(cos(angle)) * halfHeight) * scale + 1
    let left = max(0, Int((x - reachX).rounded(.down)))
    let right = min(width, Int((x + reachX).rounded(.up)))
    let top = max(0, Int((y - reachY).rounded(.down)))
    let bottom = min(height, Int((y + reachY).rounded(.up)))
    guard left < right, top < bottom else { return }
    let strength = Int32((opacity * 256).rounded())
    let width = width
    pixels.withUnsafeMutableBufferPointer { target in
      level.pixels.withUnsafeBufferPointer { source in
        for row in top..<bottom {
          for column in left..<right {
            let (dx, dy) = (Float(column) + 0.5 - x, Float(row) + 0.5 - y)
            let u = cosine * dx + sine * dy + halfWidth - 0.5
            let v = cosine * dy - sine * dx + halfHeight - 0.5
            let (wholeU, wholeV) = (u.rounded(.down), v.rounded(.down))
            guard wholeU >= -1, wholeV >= -1, wholeU < Float(level.width),
              wholeV < Float(level.height)
            else { continue }
            let color = Self.sample(
              source, level, Int(wholeU), Int(wholeV), Int32((u - wholeU) * 256),
              Int32((v - wholeV) * 256))
            guard color.w > 0 else { continue }
            let under = 65280 &- color.w &* strength
            let out = (row * width + column) * 3
            for channel in 0..<3 {
              let sum =
                Int32(target[out + channel]) &* under &+ color[channel] &* strength &* 255
              target[out + channel] = UInt8(min(255, (sum &+ 32640) / 65280))
            }
          }
        }
      }
    }
  }

  /// The pixel between four of a level, 0...255 each; outside it is transparent.
  @inline(__always)
  private static func sample(
    _ source: UnsafeBufferPointer<UInt8>, _ level: CutOut.Level, _ x: Int, _ y: Int,
    _ weightX: Int32, _ weightY: Int32
  ) -> SIMD4<Int32> {
    func pixel(_ x: Int, _ y: Int) -> SIMD4<Int32> {
      guard x >= 0, y >= 0, x < level.width, y < level.height else { return .zero }
      let i = (y * level.width + x) * 4
      return SIMD4(
        Int32(source[i]), Int32(source[i + 1]), Int32(source[i + 2]), Int32(source[i + 3]))
    }
    let top = pixel(x, y) &* (256 &- weightX) &+ pixel(x + 1, y) &* weightX
    let bottom = pixel(x, y + 1) &* (256 &- weightX) &+ pixel(x + 1, y + 1) &* weightX
    return (top &* (256 &- weightY) &+ bottom &* weightY &+ 32768) &>> 16
  }

  /// Multiplies colours by `gain`, then adds noise of `noise` grey levels (standard deviation), the
  /// same in all three colours.
  mutating func expose(gain: SIMD3<Float>, noise: Float, seed: UInt64, frame: Int) {
    guard gain != SIMD3(repeating: 1) || noise > 0 else { return }
    let factors = (0..<3).map { Int32((gain[$0] * 256).rounded()) }
    let table = noise > 0 ? NoiseTable.shared.scaled(by: noise) : []
    var generator = SeededGenerator(seed: seed, UInt64(frame), 0x6E6F_6973_65)
    let width = width
    pixels.withUnsafeMutableBufferPointer { target in
      for y in 0..<height {
        var place = table.isEmpty ? 0 : generator.index(below: table.count)
        for i in stride(from: y * width * 3, to: (y + 1) * width * 3, by: 3) {
          var added: Int32 = 0
          if !table.isEmpty {
            added = table[place]
            place = place + 1 == table.count ? 0 : place + 1
          }
          for channel in 0..<3 {
            let value = (Int32(target[i + channel]) &* factors[channel] &+ added &+ 128) >> 8
            target[i + channel] = UInt8(min(max(value, 0), 255))
          }
        }
      }
    }
  }
}

/// Normally distributed numbers, drawn once: rows of noise start at random places of it.
private struct NoiseTable {
  static let shared = NoiseTable()
  private let values: [Float]

  private init() {
    var generator = SeededGenerator(seed: 0x6772_6169_6E)
    // A prime length, so that rows do not line up.
    values = (0..<16_381).map { _ in generator.normal() }
  }

  /// In 256ths of a grey level.
  func scaled(by deviation: Float) -> [Int32] { values.map { Int32($0 * deviation * 256) } }
}

extension SeededGenerator {
  /// A number from the standard normal distribution (Box and Muller 1958).
  public mutating func normal() -> Float {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }
}

import Files
import Foundation
import Pictures

/// A rectangle of pixels.
package struct PixelBox: Codable, Equatable, Sendable {
  package let x: Int
  package let y: Int
  package let width: Int
  package let height: Int

  package init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }

  func intersects(_ other: PixelBox) -> Bool {
    x < other.x + other.width && other.x < x + width && y < other.y + other.height
      && other.y < y + height
  }
}

/// A local defect that is put into a clean picture, to see whether it is found.
///
/// A part is a square of a fifth to two sevenths of the picture's shorter side. A place is taken where the
/// defect can be seen: parts of an even background that change places are no defect.
package enum PlantedDefect: String, CaseIterable, Codable, Sendable {
  /// A thin line, light on dark and dark on light.
  case scratch
  /// A round spot of one colour with a soft edge.
  case blot
  /// Two parts have changed places.
  case swapped
  /// A part stands a second time, over another.
  case duplicated
  /// A part is that of another picture.
  case replaced
  /// A part is painted over smoothly from what is around it.
  case missing
  /// A part is out of focus.
  case blurred
  /// A round part has its colours turned around: red is green, green is blue.
  case recoloured

  /// The least mean change of a pixel in the defect, in grey levels, for it to count as visible.
  static let leastChange: Float = 10
  private static let mostTries = 60

  /// Puts the defect into a picture.
  ///
  /// - Parameters:
  ///   - image: the clean picture, at least 16 pixels a side.
  ///   - donor: where a replaced part comes from; of the same size.
  ///   - seed: fixes the draw, together with the kind of defect.
  /// - Returns: the spoiled picture, and where it was spoiled (of two swapped parts the first); of a picture
  ///   in which nothing would be seen, the most visible defect that was drawn.
  package func callAsFunction(
    _ image: RGBImage, donor: RGBImage, seed: UInt64
  ) -> (image: RGBImage, box: PixelBox) {
    precondition(
      min(image.width, image.height) >= 16
        && (donor.width, donor.height) == (image.width, image.height),
      "a defect in a picture of \(image.width)x\(image.height)")
    let number = UInt64(Self.allCases.firstIndex(of: self)!)
    var generator = SeededGenerator(seed: seed, number)
    var best: (image: RGBImage, box: PixelBox, change: Float)?
    for _ in 0..<Self.mostTries {
      let drawn = draw(image, donor: donor, using: &generator)
      let change = Self.change(from: image, to: drawn.image, in: drawn.box)
      if change > (best?.change ?? -1) { best = (drawn.image, drawn.box, change) }
      if change >= Self.leastChange { break }
    }
    return (best!.image, best!.box)
  }

  /// The mean change of the pixels that changed, counted as though they were at least a tenth of the box.
  private static func change(
    from before: RGBImage, to after: RGBImage, in box: PixelBox
  ) -> Float {
    var sum = 0
    var changed = 0
    for y in box.y..<box.y + box.height {
      for at in (y * before.width + box.x) * 3..<(y * before.width + box.x + box.width) * 3 {
        let change = abs(Int(before.pixels[at]) - Int(after.pixels[at]))
        sum += change
        changed += change > 0 ? 1 : 0
      }
    }
    return Float(sum) / Float(max(changed, box.width * box.height * 3 / 10, 1))
  }

  private func draw(
    _ image: RGBImage, donor: RGBImage, using generator: inout SeededGenerator
  ) -> (image: RGBImage, box: PixelBox) {
    let short = min(image.width, image.height)
    let side = max(4, Int((Float(short) * generator.uniform(in: 0.2...0.285)).rounded()))
    func place() -> PixelBox {
      PixelBox(
        x: generator.index(below: image.width - side + 1),
        y: generator.index(below: image.height - side + 1), width: side, height: side)
    }
    let box = place()
    var result = image
    switch self {
    case .scratch:
      return scratched(image, using: &generator)
    case .blot:
      let color = SIMD3<Float>(
        255 * generator.uniform(), 255 * generator.uniform(), 255 * generator.uniform())
      result.blend(round: box, sharpness: 3) { _, _ in color }
    case .recoloured:
      result.blend(round: box, sharpness: 4) { x, y in
        let color = image.color(x, y)
        return [color.y, color.z, color.x]
      }
    case .swapped:
      var other = place()
      while other.intersects(box) { other = place() }
      result.copy(other, of: image, to: box)
      result.copy(box, of: image, to: other)
    case .duplicated:
      var source = place()
      while source.intersects(box) { source = place() }
      result.copy(source, of: image, to: box)
    case .replaced:
      result.copy(box, of: donor, to: box)
    case .missing:
      result.paintOver(box)
    case .blurred:
      result.blur(box, radius: max(1, side / 6))
    }
    return (result, box)
  }

  /// A line of a thirtieth of the side, over a third to three fifths of it.
  private func scratched(
    _ image: RGBImage, using generator: inout SeededGenerator
  ) -> (image: RGBImage, box: PixelBox) {
    let short = Float(min(image.width, image.height))
    let length = short * generator.uniform(in: 0.33...0.6)
    let angle = generator.uniform(in: 0...(2 * .pi))
    let reach = SIMD2<Float>(cos(angle), sin(angle)) * length
    func start(_ size: Int, _ reach: Float) -> Float {
      let low = max(0, -reach)
      return low + generator.uniform() * (Float(size - 1) - abs(reach))
    }
    let from = SIMD2(start(image.width, reach.x), start(image.height, reach.y))
    let (low, high) = (pointwiseMin(from, from + reach), pointwiseMax(from, from + reach))
    let width = max(1, short / 30)
    let box = PixelBox(
      x: max(0, Int(low.x - width)), y: max(0, Int(low.y - width)),
      width: 0, height: 0
    ).reaching(
      min(image.width, Int(high.x + width) + 1), min(image.height, Int(high.y + width) + 1))
    var result = image
    let isDark = image.brightness(in: box) < 128
    let ink = SIMD3<Float>(repeating: isDark ? 235 : 25)
    for y in box.y..<box.y + box.height {
      for x in box.x..<box.x + box.width {
        let point = SIMD2(Float(x), Float(y)) - from
        let along = min(max((point * reach).sum() / (length * length), 0), 1)
        let offset = point - reach * along
        let distance = (offset * offset).sum().squareRoot()
        let opacity = min(max(width / 2 + 0.5 - distance, 0), 1)
        if opacity > 0 { result.mix(x, y, ink, opacity: opacity) }
      }
    }
    return (result, box)
  }
}

extension PixelBox {
  fileprivate func reaching(_ right: Int, _ bottom: Int) -> PixelBox {
    PixelBox(x: x, y: y, width: right - x, height: bottom - y)
  }
}

extension RGBImage {
  fileprivate func color(_ x: Int, _ y: Int) -> SIMD3<Float> {
    let at = (y * width + x) * 3
    return [Float(pixels[at]), Float(pixels[at + 1]), Float(pixels[at + 2])]
  }

  fileprivate mutating func mix(_ x: Int, _ y: Int, _ color: SIMD3<Float>, opacity: Float) {
    let at = (y * width + x) * 3
    for channel in 0..<3 {
      let mixed = Float(pixels[at + channel]) * (1 - opacity) + color[channel] * opacity
      pixels[at + channel] = UInt8(min(max(mixed.rounded(), 0), 255))
    }
  }

  /// The mean of all channels, 0 to 255.
  fileprivate func brightness(in box: PixelBox) -> Float {
    var sum: Float = 0
    for y in box.y..<box.y + box.height {
      for x in box.x..<box.x + box.width { sum += color(x, y).sum() / 3 }
    }
    return sum / Float(max(1, box.width * box.height))
  }

  /// Mixes in colours inside of the ellipse that fits the box; the greater `sharpness`, the harder its edge.
  fileprivate mutating func blend(
    round box: PixelBox, sharpness: Float, _ color: (Int, Int) -> SIMD3<Float>
  ) {
    let middle = SIMD2(
      Float(box.x) + Float(box.width - 1) / 2, Float(box.y) + Float(box.height - 1) / 2)
    let radius = SIMD2(Float(box.width) / 2, Float(box.height) / 2)
    for y in box.y..<box.y + box.height {
      for x in box.x..<box.x + box.width {
        let offset = (SIMD2(Float(x), Float(y)) - middle) / radius
        let distance = (offset * offset).sum().squareRoot()
        let opacity = min(max((1 - distance) * sharpness, 0), 1)
        if opacity > 0 { mix(x, y, color(x, y), opacity: opacity) }
      }
    }
  }

  /// Copies a box of another picture; both boxes are of one size.
  fileprivate mutating func copy(_ source: PixelBox, of other: RGBImage, to target: PixelBox) {
    for row in 0..<source.height {
      let from = ((source.y + row) * other.width + source.x) * 3
      let to = ((target.y + row) * width + target.x) * 3
      pixels.replaceSubrange(
        to..<to + source.width * 3, with: other.pixels[from..<from + source.width * 3])
    }
  }

  /// Fills a box from the pixels just outside of it: the mean of what is left and right and above and below,
  /// each weighted by how near it is.
  fileprivate mutating func paintOver(_ box: PixelBox) {
    let before = self
    let (right, bottom) = (box.x + box.width, box.y + box.height)
    for y in box.y..<bottom {
      for x in box.x..<right {
        var (sum, weights) = (SIMD3<Float>(), Float(0))
        func add(_ sourceX: Int, _ sourceY: Int, _ distance: Int) {
          guard (0..<width).contains(sourceX), (0..<height).contains(sourceY) else { return }
          let weight = 1 / Float(distance)
          sum += before.color(sourceX, sourceY) * weight
          weights += weight
        }
        add(box.x - 1, y, x - box.x + 1)
        add(right, y, right - x)
        add(x, box.y - 1, y - box.y + 1)
        add(x, bottom, bottom - y)
        if weights > 0 { mix(x, y, sum / weights, opacity: 1) }
      }
    }
  }

  /// Means over squares, three times: nearly a normal blur. Pixels outside of the box are read and not changed.
  fileprivate mutating func blur(_ box: PixelBox, radius: Int) {
    for _ in 0..<3 {
      let before = self
      for y in box.y..<box.y + box.height {
        for x in box.x..<box.x + box.width {
          var (sum, count) = (SIMD3<Float>(), Float(0))
          for row in max(0, y - radius)...min(height - 1, y + radius) {
            for column in max(0, x - radius)...min(width - 1, x + radius) {
              sum += before.color(column, row)
              count += 1
            }
          }
          mix(x, y, sum / count, opacity: 1)
        }
      }
    }
  }
}

import Files
import Foundation
import Pictures

/// Textures that synthetic clips move over.
enum Backdrop {
  static let side = 192

  /// A texture of 192 x 192: soft hills of colour, waves, tiles, or many cut-outs over one of those.
  static func random(
    pictures: [CutOut], using generator: inout SeededGenerator
  ) -> RGBImage {
    let kind = generator.index(below: pictures.isEmpty ? 3 : 5)
    var image: RGBImage
    switch kind {
    case 1: image = waves(using: &generator)
    case 2: image = tiles(using: &generator)
    default: image = hills(using: &generator)
    }
    guard kind > 2 else { return image }
    var canvas = Canvas(image)
    for _ in 0..<(8 + generator.index(below: 20)) {
      let picture = pictures[generator.index(below: pictures.count)]
      canvas.draw(
        picture, x: generator.uniform(in: 0...Float(side)),
        y: generator.uniform(in: 0...Float(side)), scale: generator.uniform(in: 0.4...1.4),
        angle: generator.uniform(in: -0.6...0.6), opacity: generator.uniform(in: 0.4...1))
    }
    image = canvas.image
    return image
  }

  private static func color(using generator: inout SeededGenerator) -> SIMD3<Float> {
    SIMD3(
      generator.uniform(in: 20...235), generator.uniform(in: 20...235),
      generator.uniform(in: 20...235))
  }

  private static func draw(_ color: (_ x: Int, _ y: Int) -> SIMD3<Float>) -> RGBImage {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(side * side * 3)
    for y in 0..<side {
      for x in 0..<side {
        let value = color(x, y)
        for channel in 0..<3 { pixels.append(UInt8(min(max(value[channel], 0), 255))) }
      }
    }
    return RGBImage(width: side, height: side, pixels: pixels)
  }

  /// Two colours mixed by noise of four octaves.
  private static func hills(using generator: inout SeededGenerator) -> RGBImage {
    let (first, second) = (color(using: &generator), color(using: &generator))
    var field = [Float](repeating: 0, count: side * side)
    var (cells, strength) = (3 + generator.index(below: 3), Float(0.5))
    for _ in 0..<4 {
      let grid = (0..<(cells + 1) * (cells + 1)).map { _ in generator.uniform() }
      for y in 0..<side {
        let v = Float(y) / Float(side) * Float(cells)
        for x in 0..<side {
          let u = Float(x) / Float(side) * Float(cells)
          let (i, j) = (Int(u), Int(v))
          let (a, b) = (smooth(u - Float(i)), smooth(v - Float(j)))
          let base = j * (cells + 1) + i
          let top = grid[base] * (1 - a) + grid[base + 1] * a
          let bottom = grid[base + cells + 1] * (1 - a) + grid[base + cells + 2] * a
          field[y * side + x] += strength * (top * (1 - b) + bottom * b)
        }
      }
      cells *= 2
      strength *= 0.55
    }
    return draw { x, y in
      let share = min(max(field[y * side + x] * 1.6 - 0.4, 0), 1)
      return first * (1 - share) + second * share
    }
  }

  private static func smooth(_ t: Float) -> Float { t * t * (3 - 2 * t) }

  private static func waves(using generator: inout SeededGenerator) -> RGBImage {
    let (first, second) = (color(using: &generator), color(using: &generator))
    let turns = (0..<3).map { _ in
      SIMD3(
        generator.uniform(in: -0.25...0.25), generator.uniform(in: -0.25...0.25),
        generator.uniform(in: 0...(2 * .pi)))
    }
    return draw { x, y in
      var sum: Float = 0
      for turn in turns { sum += sin(Float(x) * turn.x + Float(y) * turn.y + turn.z) }
      let share = 0.5 + sum / 6
      return first * (1 - share) + second * share
    }
  }

  private static func tiles(using generator: inout SeededGenerator) -> RGBImage {
    let size = 12 + generator.index(below: 28)
    let count = side / size + 1
    let middle = color(using: &generator)
    let spread = generator.uniform(in: 0.1...0.6)
    let colors = (0..<count * count).map { _ in
      middle * (1 - spread) + color(using: &generator) * spread
    }
    return draw { x, y in
      // Dark joints between the tiles.
      let isJoint = x % size == 0 || y % size == 0
      return colors[(y / size) * count + x / size] * (isJoint ? 0.6 : 1)
    }
  }
}

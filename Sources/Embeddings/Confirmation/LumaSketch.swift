/// What of a picture is compared where a copy is confirmed: its brightness squashed to 64 pixels a side, to 32 and to 16,
/// each with the local mean subtracted and the local contrast divided out.
///
/// What is left are edges and texture, the same in a grey, brighter or flatter copy. It takes 5,376 bytes.
struct LumaSketch: Sendable {
  /// The side of the finest level, in pixels.
  static let side = 64
  /// The sides of the levels, the coarsest first.
  static let sides = [16, 32, 64]
  /// Where each level begins among the values.
  static let starts = [0, 16 * 16, 16 * 16 + 32 * 32]
  static let valueCount = 16 * 16 + 32 * 32 + 64 * 64

  /// The levels one after the other, in units of 1/32.
  private let values: [Int8]

  private static let unitsPerOne: Float = 32
  /// The contrast, in grey levels of 255, below which a region counts as flat.
  private static let flatness: Float = 4

  /// - Parameter pixels: `[3, 64, 64]`, red first, in 0...1.
  init(_ pixels: UnsafePointer<Float>) {
    let plane = Self.side * Self.side
    var level = (0..<plane).map { place -> Float in
      let red = pixels[place]
      let green = pixels[plane + place]
      let blue = pixels[2 * plane + place]
      return 255 * (0.299 * red + 0.587 * green + 0.114 * blue)
    }
    var values = [Int8](repeating: 0, count: Self.valueCount)
    for (side, start) in zip(Self.sides, Self.starts).reversed() {
      let evened = Self.evened(level, side: side)
      for place in 0..<side * side {
        let value = (evened[place] * Self.unitsPerOne).rounded()
        values[start + place] = Int8(max(-127, min(127, value)))
      }
      if side > Self.sides[0] { level = Self.halved(level, side: side) }
    }
    self.values = values
  }

  /// Writes all levels to `target`, which has room for `valueCount` values; mirrored ones with left and right exchanged.
  func unpack(to target: UnsafeMutablePointer<Float>, mirrored: Bool = false) {
    values.withUnsafeBufferPointer { values in
      for (side, start) in zip(Self.sides, Self.starts) {
        for row in stride(from: start, to: start + side * side, by: side) {
          for x in 0..<side {
            let source = row + (mirrored ? side - 1 - x : x)
            target[row + x] = Float(values[source]) * (1 / Self.unitsPerOne)
          }
        }
      }
    }
  }

  /// The coarsest level, 16 rows of 16 values; mirrored with left and right exchanged.
  func coarsest(mirrored: Bool = false) -> [Float] {
    let side = Self.sides[0]
    return (0..<side * side).map { place in
      let x = place % side
      return Float(values[place - x + (mirrored ? side - 1 - x : x)]) * (1 / Self.unitsPerOne)
    }
  }

  /// Means of four pixels each.
  private static func halved(_ level: [Float], side: Int) -> [Float] {
    let half = side / 2
    return (0..<half * half).map { place in
      let corner = place / half * 2 * side + place % half * 2
      return
        (level[corner] + level[corner + 1] + level[corner + side] + level[corner + side + 1]) / 4
    }
  }

  /// A level without its local mean, over its local contrast.
  ///
  /// The coarsest one's neighbourhoods are small, so that an added border does not outshine what is in it.
  private static func evened(_ level: [Float], side: Int) -> [Float] {
    let radius = side == sides[0] ? 1 : 2
    let mean = blurred(level, side: side, radius: radius)
    var rest = level
    for place in rest.indices { rest[place] -= mean[place] }
    let power = blurred(rest.map { $0 * $0 }, side: side, radius: radius)
    for place in rest.indices {
      rest[place] /= (power[place] + flatness * flatness).squareRoot()
    }
    return rest
  }

  /// Twice the mean of `2 radius + 1` pixels across and down; at the edges the last pixel counts again.
  private static func blurred(_ level: [Float], side: Int, radius: Int) -> [Float] {
    var (source, target) = (level, level)
    let share = 1 / Float(2 * radius + 1)
    for _ in 0..<2 {
      for (step, line) in [(1, side), (side, 1)] {
        source.withUnsafeBufferPointer { source in
          target.withUnsafeMutableBufferPointer { target in
            for base in stride(from: 0, to: side * line, by: line) {
              for place in 0..<side {
                var sum: Float = 0
                for near in place - radius...place + radius {
                  sum += source[base + max(0, min(near, side - 1)) * step]
                }
                target[base + place * step] = sum * share
              }
            }
          }
        }
        swap(&source, &target)
      }
    }
    return source
  }
}

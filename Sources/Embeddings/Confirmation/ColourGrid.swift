/// The colours of a picture, 16 rows of 16: what brightness cannot tell apart, such as one shirt in red and in blue.
struct ColourGrid: Sendable {
  static let side = 16

  /// For each place blue less grey and red less grey, in grey levels of 255: Cb and Cr of ITU-R BT.601.
  private let values: [SIMD2<Int8>]

  /// Colours of fewer grey levels are none.
  private static let faint: Float = 4
  /// Of two colours the stronger must have as many levels, or their difference says nothing.
  private static let plain: Float = 8
  /// Colours that lie this far apart, in parts of the stronger, contradict each other.
  private static let apart: Float = 0.8
  /// Parts of the picture that may contradict each other at most: where both have colours; and where one may be grey, as
  /// a caption is.
  private static let mostOfColoured: Float = 0.1
  private static let mostOfAll: Float = 0.3

  /// - Parameter pixels: `[3, 64, 64]`, red first, in 0...1.
  init(_ pixels: UnsafePointer<Float>) {
    let (from, side) = (LumaSketch.side, Self.side)
    let step = from / side
    values = (0..<side * side).map { place in
      var sum = SIMD3<Float>.zero
      for y in place / side * step..<(place / side + 1) * step {
        for x in place % side * step..<(place % side + 1) * step {
          let pixel = y * from + x
          sum += SIMD3(pixels[pixel], pixels[from * from + pixel], pixels[2 * from * from + pixel])
        }
      }
      let mean = sum * (255 / Float(step * step))
      let luma = 0.299 * mean.x + 0.587 * mean.y + 0.114 * mean.z
      let colour = SIMD2(0.564 * (mean.z - luma), 0.713 * (mean.x - luma))
      return SIMD2<Int8>(
        clamping: SIMD2<Int32>(
          colour.rounded(.toNearestOrEven).clamped(
            lowerBound: SIMD2(repeating: -127), upperBound: SIMD2(repeating: 127))))
    }
  }

  /// Whether another picture, placed in this one, has other colours. A grey picture contradicts none.
  func contradicts(_ other: ColourGrid, at placement: Placement) -> Bool {
    guard hasColours, other.hasColours else { return false }
    let side = Self.side
    var (places, coloured, all): (Float, Float, Float) = (0, 0, 0)
    for y in 0..<side {
      let row = Int(placement.row(y, of: Float(side)).rounded())
      for x in 0..<side {
        let column = Int(placement.column(x, of: Float(side)).rounded())
        guard (0..<side).contains(row), (0..<side).contains(column) else { continue }
        places += 1
        let colour = other.colour(y * side + (placement.isMirrored ? side - 1 - x : x))
        guard !hasLike(colour, near: row, column) else { continue }
        all += 1
        let own = self.colour(row * side + column)
        if min(Self.length(own), Self.length(colour)) > Self.faint { coloured += 1 }
      }
    }
    return coloured > Self.mostOfColoured * places || all > Self.mostOfAll * places
  }

  /// Whether a place, or one around it, has a colour that does not contradict another: placements are right to less
  /// than one place.
  private func hasLike(_ colour: SIMD2<Float>, near row: Int, _ column: Int) -> Bool {
    for row in max(0, row - 1)...min(Self.side - 1, row + 1) {
      for column in max(0, column - 1)...min(Self.side - 1, column + 1) {
        let own = self.colour(row * Self.side + column)
        let stronger = max(Self.length(own), Self.length(colour))
        if stronger <= Self.plain || Self.length(own - colour) <= Self.apart * stronger {
          return true
        }
      }
    }
    return false
  }

  private var hasColours: Bool {
    let sum = values.indices.reduce(Float(0)) { $0 + Self.length(colour($1)) }
    return sum > Self.faint * Float(values.count)
  }

  private func colour(_ place: Int) -> SIMD2<Float> { SIMD2<Float>(values[place]) }

  private static func length(_ colour: SIMD2<Float>) -> Float {
    (colour * colour).sum().squareRoot()
  }
}

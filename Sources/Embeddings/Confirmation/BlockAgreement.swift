/// How well two pictures agree where one lies in the other, block by block: 64 blocks in a grid.
///
/// Some blocks may say anything: where a caption was written, where a border was added. So the worst are left out.
struct BlockAgreement {
  /// Blocks a side.
  static let grid = 8
  /// Products of the pixels of a block with themselves and each other, and their number.
  private struct Sums {
    var own: Float = 0
    var other: Float = 0
    var both: Float = 0
    var count: Float = 0
  }

  private var blocks = [Sums](repeating: Sums(), count: grid * grid)
  /// Pixels of a whole block.
  private let wholeCount: Float

  /// - Parameters:
  ///   - reference: a level of `side * side` values.
  ///   - other: the same of the picture that is placed, mirrored already where it has to be.
  init(
    _ reference: UnsafePointer<Float>, _ other: UnsafePointer<Float>, side: Int,
    at placement: Placement
  ) {
    let blockSide = side / Self.grid
    wholeCount = Float(blockSide * blockSide)
    let (size, last) = (Float(side), Float(side - 1))
    for y in 0..<side {
      let v = placement.row(y, of: size)
      guard v >= 0, v <= last else { continue }
      let top = min(Int(v), side - 2)
      let down = v - Float(top)
      for x in 0..<side {
        let u = placement.column(x, of: size)
        guard u >= 0, u <= last else { continue }
        let left = min(Int(u), side - 2)
        let right = u - Float(left)
        let corner = reference + top * side + left
        let own =
          (corner[0] * (1 - right) + corner[1] * right) * (1 - down)
          + (corner[side] * (1 - right) + corner[side + 1] * right) * down
        let value = other[y * side + x]
        let block = y / blockSide * Self.grid + x / blockSide
        blocks[block].own += own * own
        blocks[block].other += value * value
        blocks[block].both += own * value
        blocks[block].count += 1
      }
    }
  }

  /// The mean of 2 ab / (aa + bb) over the blocks, without the worst: 1 for equal pictures, about 0 for others.
  ///
  /// Blocks with texture weigh up to 1 each, flat ones little, however bright an edge in one is.
  ///
  /// - Parameters:
  ///   - share: what of the weight is left out.
  ///   - tolerance: is added to both sides of the fraction.
  func mean(leavingOut share: Float, tolerance: Float = 0) -> Float {
    var items: [(value: Float, weight: Float)] = []
    for block in blocks where block.count >= wholeCount / 2 {
      let energy = (block.own + block.other) / 2
      guard energy > 0 else { continue }
      let density = energy / block.count
      items.append(
        ((block.both + tolerance) / (energy + tolerance), density / (density + 0.15)))
    }
    items.sort { $0.value == $1.value ? $0.weight < $1.weight : $0.value < $1.value }
    var left = items.reduce(0) { $0 + $1.weight } * share
    var (sum, weight): (Float, Float) = (0, 0)
    for item in items {
      guard left <= 0 else {
        left -= item.weight
        continue
      }
      sum += item.weight * item.value
      weight += item.weight
    }
    return weight > 0 ? sum / weight : 0
  }
}

import Files
import Pictures

/// Keeps a random share of the square cells of a view and sets the rest to zero, after
/// normalisation.
///
/// Exactly `keptCount(size:)` cells are kept, so that every item of a batch hides as much.
public struct CellMask: Codable, Sendable, Equatable {
  /// The share of cells that stay, 0...1.
  public var keep: Float
  /// The side of a cell in pixels.
  public var cellSize: Int

  public init(keep: Float = 0.6, cellSize: Int = 8) {
    self.keep = keep
    self.cellSize = cellSize
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    keep = try values.decode(.keep, default: 0.6)
    cellSize = try values.decode(.cellSize, default: 8)
  }

  /// Cells along one side of a view of `size` pixels.
  public func side(size: Int) -> Int { size / cellSize }

  /// Cells in a view of `size` pixels.
  public func cellCount(size: Int) -> Int { side(size: size) * side(size: size) }

  /// How many of them stay: at least one.
  public func keptCount(size: Int) -> Int {
    max(1, Int((keep * Float(cellCount(size: size))).rounded()))
  }

  /// Writes one byte for each cell to `mask`, rows first: 1 kept, 0 hidden.
  public func draw(
    size: Int, into mask: UnsafeMutablePointer<UInt8>, using generator: inout SeededGenerator
  ) {
    var cells = Array(0..<cellCount(size: size))
    generator.shuffle(&cells)
    mask.update(repeating: 0, count: cells.count)
    for cell in cells.prefix(keptCount(size: size)) { mask[cell] = 1 }
  }

  /// Clears the hidden cells of `pixels`, a square view, in place.
  public func apply(_ mask: UnsafePointer<UInt8>, to pixels: PixelPlanes) {
    let side = side(size: pixels.width)
    for row in 0..<side {
      for column in 0..<side where mask[row * side + column] == 0 {
        pixels.clear(
          x: column * cellSize, y: row * cellSize, width: cellSize, height: cellSize)
      }
    }
  }

  func validate(size: Int, _ name: String) throws(ImageError) {
    guard keep > 0 && keep <= 1 else {
      throw .invalidSetting(
        name: "\(name).keep", expected: "a number above 0, at most 1", found: "\(keep)")
    }
    guard cellSize > 0, size % cellSize == 0 else {
      throw .invalidSetting(
        name: "\(name).cellSize", expected: "a divisor of the view's \(size) pixels",
        found: "\(cellSize)")
    }
  }
}

/// The form of a sudoku: how many cells, and which of them must differ.
///
/// Grids are rows after rows of digits 1…side, 0 where a cell is blank.
public struct SudokuShape: Sendable, Equatable {
  /// Cells in a row, a column and a box.
  public let side: Int
  public let boxRows: Int
  public let boxColumns: Int
  /// Rows, columns and boxes: the cells that hold each digit once.
  let units: [[Int]]
  /// For each cell the three units that it is in.
  let unitsOfCell: [[Int]]

  public static let four = SudokuShape(boxRows: 2, boxColumns: 2)
  public static let six = SudokuShape(boxRows: 2, boxColumns: 3)
  public static let nine = SudokuShape(boxRows: 3, boxColumns: 3)

  /// - Precondition: at most 9 cells in a box, so that a digit is one symbol.
  public init(boxRows: Int, boxColumns: Int) {
    let side = boxRows * boxColumns
    precondition((1...9).contains(side), "a sudoku with boxes of \(side) cells")
    let rows = (0..<side).map { row in (0..<side).map { row * side + $0 } }
    let columns = (0..<side).map { column in (0..<side).map { $0 * side + column } }
    let boxes = (0..<side).map { box in
      let (top, left) = (box / boxRows * boxRows, box % boxRows * boxColumns)
      return (0..<side).map { (top + $0 / boxColumns) * side + left + $0 % boxColumns }
    }
    let units = rows + columns + boxes
    self.side = side
    self.boxRows = boxRows
    self.boxColumns = boxColumns
    self.units = units
    unitsOfCell = (0..<side * side).map { cell in
      units.indices.filter { units[$0].contains(cell) }
    }
  }

  /// The number of cells.
  public var cellCount: Int { side * side }

  /// All digits, as the bits of a set.
  var allDigits: UInt16 { UInt16((1 << side) - 1) }

  // MARK: Text

  /// The grid's digits, row after row, with a point for each blank.
  public func text(of grid: [UInt8]) -> String {
    String(
      decoding: grid.map { $0 == 0 ? UInt8(ascii: ".") : UInt8(ascii: "0") + $0 }, as: UTF8.self)
  }

  /// The grid of a text; nil where it is none.
  public func grid(of text: String) -> [UInt8]? {
    let cells = text.utf8.map { $0 == UInt8(ascii: ".") ? 0 : $0 &- UInt8(ascii: "0") }
    return cells.count == cellCount && cells.allSatisfy { $0 <= side } ? cells : nil
  }
}

/// The digits that each blank cell may still take.
struct SudokuCandidates {
  let shape: SudokuShape
  /// 0 where a cell is blank.
  private(set) var grid: [UInt8]
  /// The digits placed in each unit, as bits.
  private var placed: [UInt16]
  private(set) var blankCount: Int

  /// Nil where a unit holds a digit twice.
  init?(_ grid: [UInt8], shape: SudokuShape) {
    precondition(
      grid.count == shape.cellCount, "\(grid.count) cells for \(shape.cellCount)")
    self.shape = shape
    self.grid = [UInt8](repeating: 0, count: grid.count)
    placed = [UInt16](repeating: 0, count: shape.units.count)
    blankCount = grid.count
    for (cell, digit) in grid.enumerated() where digit != 0 {
      let bit = UInt16(1) << UInt16(digit - 1)
      guard self[cell] & bit != 0 else { return nil }
      place(bit, in: cell)
    }
  }

  /// The digits that no unit of a blank cell holds, as bits.
  subscript(cell: Int) -> UInt16 {
    let units = shape.unitsOfCell[cell]
    return shape.allDigits & ~(placed[units[0]] | placed[units[1]] | placed[units[2]])
  }

  mutating func place(_ bit: UInt16, in cell: Int) {
    grid[cell] = UInt8(bit.trailingZeroBitCount + 1)
    for unit in shape.unitsOfCell[cell] { placed[unit] |= bit }
    blankCount -= 1
  }

  /// The blank cell with the fewest candidates, the first of several; nil where none is blank.
  func tightestCell() -> (cell: Int, candidates: UInt16)? {
    var best: (cell: Int, candidates: UInt16)?
    for cell in grid.indices where grid[cell] == 0 {
      let candidates = self[cell]
      if candidates.nonzeroBitCount < best?.candidates.nonzeroBitCount ?? .max {
        best = (cell, candidates)
        if candidates.nonzeroBitCount <= 1 { break }
      }
    }
    return best
  }
}

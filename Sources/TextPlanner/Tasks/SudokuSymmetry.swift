import Files

/// A change of a sudoku that keeps its rules: other names for the digits, rows in another order within
/// their band and bands in another order, the same of columns, and, where boxes are square, rows for columns.
///
/// A puzzle of one solution so becomes one of the other's 9! 6^8 2 relatives (9x9), of one solution too.
struct SudokuSymmetry {
  /// For each cell of the changed grid where its digit is taken from.
  private let sources: [Int]
  /// The new name of each digit; a blank stays one.
  private let names: [UInt8]

  /// One of all, each as likely.
  init(of shape: SudokuShape, using generator: inout SeededGenerator) {
    let side = shape.side
    let rows = Self.lines(side / shape.boxRows, of: shape.boxRows, using: &generator)
    let columns = Self.lines(side / shape.boxColumns, of: shape.boxColumns, using: &generator)
    let turns = shape.boxRows == shape.boxColumns && generator.index(below: 2) == 1
    sources = (0..<shape.cellCount).map { cell in
      let (row, column) = (rows[cell / side], columns[cell % side])
      return turns ? column * side + row : row * side + column
    }
    var digits = (1...side).map(UInt8.init)
    generator.shuffle(&digits)
    names = [0] + digits
  }

  /// `bands` bands of `size` lines each, both in random order.
  private static func lines(
    _ bands: Int, of size: Int, using generator: inout SeededGenerator
  ) -> [Int] {
    var order = Array(0..<bands)
    generator.shuffle(&order)
    return order.flatMap { band in
      var lines = (0..<size).map { band * size + $0 }
      generator.shuffle(&lines)
      return lines
    }
  }

  func callAsFunction(_ grid: [UInt8]) -> [UInt8] { sources.map { names[Int(grid[$0])] } }
}

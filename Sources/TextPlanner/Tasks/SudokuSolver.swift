import Files

/// Finds the solutions of a sudoku by trying, in the tightest cell first.
public struct SudokuSolver: Sendable {
  public let shape: SudokuShape

  public init(_ shape: SudokuShape) { self.shape = shape }

  /// Up to `limit` grids that complete `grid`, in the order of their digits.
  public func solutions(of grid: [UInt8], limit: Int = .max) -> [[UInt8]] {
    guard let start = SudokuCandidates(grid, shape: shape) else { return [] }
    var found: [[UInt8]] = []
    _ = search(
      start, order: { $0 },
      body: { solution in
        found.append(solution)
        return found.count < limit
      })
    return found
  }

  /// The one grid that completes `grid`; nil where there is none, or another.
  public func onlySolution(of grid: [UInt8]) -> [UInt8]? {
    let found = solutions(of: grid, limit: 2)
    return found.count == 1 ? found[0] : nil
  }

  /// A random full grid: a search whose digits are tried in random order.
  public func randomSolution(using generator: inout SeededGenerator) -> [UInt8] {
    var found: [UInt8] = []
    if let start = SudokuCandidates([UInt8](repeating: 0, count: shape.cellCount), shape: shape) {
      _ = search(
        start,
        order: { bits in
          var bits = bits
          generator.shuffle(&bits)
          return bits
        },
        body: { solution in
          found = solution
          return false
        })
    }
    return found
  }

  /// Calls `body` with each solution until it returns false; returns whether it never did.
  private func search(
    _ state: SudokuCandidates, order: ([UInt16]) -> [UInt16], body: ([UInt8]) -> Bool
  ) -> Bool {
    guard let (cell, candidates) = state.tightestCell() else { return body(state.grid) }
    let bits = (0..<UInt16(shape.side)).map { UInt16(1) << $0 }.filter { candidates & $0 != 0 }
    for bit in order(bits) {
      var next = state
      next.place(bit, in: cell)
      guard search(next, order: order, body: body) else { return false }
    }
    return true
  }
}

extension SudokuSolver {
  /// How many rounds of reasoning a puzzle takes: its solver depth.
  ///
  /// In a round all cells are filled at once that follow from the grid as it was before: a *naked single*
  /// has one candidate left, a *hidden single* is the only cell of a row, column or box for a digit. Where
  /// nothing follows, the tightest cell (the first with the fewest candidates) is guessed right, which
  /// counts as a round of its own.
  ///
  /// - Parameters:
  ///   - puzzle: with exactly the one solution.
  ///   - solution: that solution.
  /// - Returns: 0 for a full grid.
  public func depth(of puzzle: [UInt8], solution: [UInt8]) -> Int {
    guard var state = SudokuCandidates(puzzle, shape: shape) else {
      preconditionFailure("a puzzle that holds a digit twice")
    }
    var depth = 0
    while let tightest = state.tightestCell() {
      let singles = Self.singles(in: state)
      for cell in singles.isEmpty ? [tightest.cell] : singles {
        state.place(UInt16(1) << UInt16(solution[cell] - 1), in: cell)
      }
      depth += 1
    }
    return depth
  }

  /// The blank cells whose digit follows at once.
  private static func singles(in state: SudokuCandidates) -> [Int] {
    let candidates = state.grid.indices.map { state.grid[$0] == 0 ? state[$0] : 0 }
    var isSingle = candidates.map { $0.nonzeroBitCount == 1 }
    for unit in state.shape.units {
      // Digits that one cell of the unit, and digits that several, may take.
      var (some, several) = (UInt16(0), UInt16(0))
      for cell in unit {
        several |= some & candidates[cell]
        some |= candidates[cell]
      }
      for cell in unit where candidates[cell] & some & ~several != 0 { isSingle[cell] = true }
    }
    return isSingle.indices.filter { isSingle[$0] }
  }
}

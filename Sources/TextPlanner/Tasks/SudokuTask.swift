import Files

/// Sudokus with one solution: the prompt is the puzzle, the answer the full grid, both as digits row after
/// row. Difficulty is the solver depth.
///
/// Solution grids are held out, not only puzzles: of the 288 grids of 4x4 there are 48 that only test files
/// use, of 6x6 and 9x9 one in eight. (A held-out grid still has relatives in training that differ
/// by the names of the digits alone.)
public struct SudokuTask: TextTask {
  public let shape: SudokuShape
  public let difficulties: ClosedRange<Int>
  private let solver: SudokuSolver
  /// For 4x4 the grids of each file.
  private let grids: [TaskSplit: [[UInt8]]]

  /// The depths that puzzles have in quantity.
  static func depths(_ shape: SudokuShape) -> ClosedRange<Int> {
    switch shape.side {
    case 4: 1...3
    case 6: 1...7
    default: 1...20
    }
  }

  public init(_ shape: SudokuShape, difficulties: ClosedRange<Int>) {
    self.shape = shape
    self.difficulties = difficulties
    solver = SudokuSolver(shape)
    guard shape == .four else {
      grids = [:]
      return
    }
    var all = solver.solutions(of: [UInt8](repeating: 0, count: shape.cellCount))
    var generator = SeededGenerator(seed: 0)
    generator.shuffle(&all)
    grids = [.test: Array(all.prefix(48)), .train: Array(all.dropFirst(48))]
  }

  /// Whether a full grid belongs to test files alone.
  public func isHeldOut(_ grid: [UInt8]) -> Bool {
    grids[.test].map { $0.contains(grid) } ?? (HeldOut.split(of: grid) == .test)
  }

  /// Digits are taken away in random order as long as one solution is left, and of all the puzzles on the
  /// way one of a wanted depth is drawn.
  public func draw(
    for split: TaskSplit, wanted: Set<Int>, using generator: inout SeededGenerator
  ) -> TextExample? {
    let solution: [UInt8]
    if let grids = grids[split] {
      solution = grids[generator.index(below: grids.count)]
    } else {
      solution = solver.randomSolution(using: &generator)
      guard HeldOut.split(of: solution) == split else { return nil }
    }

    var cells = Array(0..<shape.cellCount)
    generator.shuffle(&cells)
    var puzzle = solution
    var puzzles: [Int: [[UInt8]]] = [:]
    for cell in cells {
      puzzle[cell] = 0
      guard solver.onlySolution(of: puzzle) != nil else {
        puzzle[cell] = solution[cell]
        continue
      }
      let depth = solver.depth(of: puzzle, solution: solution)
      if wanted.contains(depth) { puzzles[depth, default: []].append(puzzle) }
    }

    // The deepest are the rarest.
    guard let depth = puzzles.keys.max(), let found = puzzles[depth] else { return nil }
    return TextExample(
      prompt: shape.text(of: found[generator.index(below: found.count)]),
      answer: shape.text(of: solution), difficulty: depth)
  }

  /// The same puzzle after a change that keeps the rules, where that is of the same depth and file: guesses
  /// come in another order, and its grid may be one that is held out.
  public func relative(
    of example: TextExample, for split: TaskSplit, using generator: inout SeededGenerator
  ) -> TextExample? {
    guard let puzzle = shape.grid(of: example.prompt), let solution = shape.grid(of: example.answer)
    else { return nil }
    let symmetry = SudokuSymmetry(of: shape, using: &generator)
    let (changed, solved) = (symmetry(puzzle), symmetry(solution))
    guard isHeldOut(solved) == (split == .test),
      solver.depth(of: changed, solution: solved) == example.difficulty
    else { return nil }
    return TextExample(
      prompt: shape.text(of: changed), answer: shape.text(of: solved),
      difficulty: example.difficulty)
  }
}

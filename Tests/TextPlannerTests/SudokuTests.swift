import Files
import Testing
import TrainingRuns

@testable import TextPlanner

/// Sudokus: what counts as a solution, how many there are, and how deep a puzzle is.
@Suite struct SudokuTests {
  /// All grids that complete `grid`, by trying every digit in every blank, without any cleverness.
  private func bruteForce(_ grid: [UInt8], _ shape: SudokuShape) -> [[UInt8]] {
    guard let blank = grid.firstIndex(of: 0) else { return shape.isSolution(grid) ? [grid] : [] }
    return (1...UInt8(shape.side)).flatMap { digit -> [[UInt8]] in
      var grid = grid
      grid[blank] = digit
      let clashes = shape.units.contains { unit in
        unit.contains(blank) && unit.contains { $0 != blank && grid[$0] == digit }
      }
      return clashes ? [] : bruteForce(grid, shape)
    }
  }

  @Test func thereAre288GridsOf4x4() {
    let empty = [UInt8](repeating: 0, count: 16)
    let grids = SudokuSolver(.four).solutions(of: empty)
    #expect(grids.count == 288)
    #expect(Set(grids).count == 288)
    #expect(grids.allSatisfy(SudokuShape.four.isSolution))
    #expect(Set(grids) == Set(bruteForce(empty, .four)))
  }

  @Test func boxesAreRowsByColumns() {
    // 2 rows of 3 columns.
    #expect(
      SudokuShape.six.isSolution(
        [1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 2, 3, 1, 5, 6, 4, 5, 6, 4, 2, 3, 1, 3, 1, 2, 6, 4, 5]
          + [6, 4, 5, 3, 1, 2]))
    // A Latin square whose boxes repeat digits.
    let shifted = (0..<6).flatMap { row in (0..<6).map { UInt8(($0 + row) % 6 + 1) } }
    #expect(!SudokuShape.six.isSolution(shifted))
    #expect(!SudokuShape.six.isSolution([UInt8](repeating: 0, count: 36)))
  }

  @Test(arguments: [SudokuShape.four, .six]) func randomGridsAreSolutions(shape: SudokuShape) {
    var generator = SeededGenerator(seed: 5)
    let grids = (0..<40).map { _ in SudokuSolver(shape).randomSolution(using: &generator) }
    #expect(grids.allSatisfy(shape.isSolution))
    #expect(Set(grids).count > 30)
  }

  @Test func textsAreDigitsAndPoints() {
    let grid: [UInt8] = [1, 2, 3, 4, 3, 0, 1, 2, 0, 0, 4, 0, 0, 0, 0, 0]
    #expect(SudokuShape.four.text(of: grid) == "12343.12..4.....")
    #expect(SudokuShape.four.grid(of: "12343.12..4.....") == grid)
    #expect(SudokuShape.four.grid(of: "12343.12..4....") == nil)
    #expect(SudokuShape.four.grid(of: "52343.12..4.....") == nil)
  }

  @Test func contradictionsHaveNoSolution() {
    let solver = SudokuSolver(.four)
    #expect(solver.solutions(of: [1, 1] + [UInt8](repeating: 0, count: 14)).isEmpty)
    #expect(solver.onlySolution(of: [UInt8](repeating: 0, count: 16)) == nil)
  }

  /// By hand.
  @Test(arguments: [
    // Nothing to do.
    ("1234341221434321", 0),
    // One blank, or a row of blanks: each is the only one of its column, so all are filled at once.
    ("123434122143432.", 1),
    ("....341221434321", 1),
    // First 1 ends the second row, 1 is all that the third column lacks, and 3 has one place in the last
    // box. Then 4 ends the third row and the last column. Then the rest follows.
    ("..32324.2....32.", 3),
  ])
  func depthsByHand(text: String, depth: Int) throws {
    let shape = SudokuShape.four
    let puzzle = try #require(shape.grid(of: text))
    let solution = try #require(SudokuSolver(shape).onlySolution(of: puzzle))
    #expect(SudokuSolver(shape).depth(of: puzzle, solution: solution) == depth)
  }

  /// Found by another program, written independently: no single is left after some rounds.
  @Test(arguments: [
    (".462....1.64.2..5.1.......3......6.3", 6), ("125.......5..5.3..2....4.3.2..5.2...", 9),
  ])
  func aGuessIsARound(text: String, depth: Int) throws {
    let puzzle = try #require(SudokuShape.six.grid(of: text))
    let solver = SudokuSolver(.six)
    let solution = try #require(solver.onlySolution(of: puzzle))
    #expect(solver.depth(of: puzzle, solution: solution) == depth)
  }

  @Test func theMakersPuzzlesHaveTheOneSolution() throws {
    for shape in [SudokuShape.four, .six] {
      let task = SudokuTask(shape, difficulties: 1...3)
      let examples = try TaskMaker(task, seed: 3).examples(15, for: .test)
      for example in examples {
        let puzzle = try #require(shape.grid(of: example.prompt))
        let answer = try #require(shape.grid(of: example.answer))
        #expect(SudokuSolver(shape).solutions(of: puzzle) == [answer])
        if shape == .four { #expect(bruteForce(puzzle, shape) == [answer]) }
        #expect(zip(puzzle, answer).allSatisfy { $0 == 0 || $0 == $1 })
        #expect(SudokuSolver(shape).depth(of: puzzle, solution: answer) == example.difficulty)
        #expect(task.isHeldOut(answer))
      }
    }
  }

  @Test(arguments: [TextTaskName.sudoku4, .sudoku6, .sudoku9])
  func relativesAreOtherPuzzlesOfOneSolution(name: TextTaskName) throws {
    let task = try #require(
      try name.task(difficulties: name == .sudoku9 ? 6...7 : 1...2) as? SudokuTask)
    let maker = TaskMaker(task, seed: 5)
    let originals = try maker.examples(4, for: .train)
    let examples = try maker.examples(24, for: .train, originals: 4)
    #expect(Set(examples.map(\.prompt)).count == 24)
    #expect(Set(originals.map(\.prompt)).isSubset(of: examples.map(\.prompt)))
    #expect(try maker.examples(24, for: .train, originals: 4) == examples)

    func blanks(_ prompt: String) -> Int { prompt.utf8.count { $0 == UInt8(ascii: ".") } }
    let solver = SudokuSolver(task.shape)
    for example in examples {
      let puzzle = try #require(task.shape.grid(of: example.prompt))
      let answer = try #require(task.shape.grid(of: example.answer))
      #expect(solver.onlySolution(of: puzzle) == answer && !task.isHeldOut(answer))
      #expect(solver.depth(of: puzzle, solution: answer) == example.difficulty)
      #expect(originals.contains { blanks($0.prompt) == blanks(example.prompt) })
    }
  }

  @Test func everyDigitOfASymmetryComesFromOneCell() {
    var generator = SeededGenerator(seed: 8)
    for shape in [SudokuShape.four, .six, .nine] {
      let grid = SudokuSolver(shape).randomSolution(using: &generator)
      let changed = (0..<20).map { _ in SudokuSymmetry(of: shape, using: &generator)(grid) }
      #expect(changed.allSatisfy(shape.isSolution))
      #expect(Set(changed).count > 10)
    }
  }

  @Test func ofTheGridsOf4x4FortyEightAreHeldOut() throws {
    let task = SudokuTask(.four, difficulties: 1...1)
    let grids = SudokuSolver(.four).solutions(of: [UInt8](repeating: 0, count: 16))
    #expect(grids.filter(task.isHeldOut).count == 48)
    // All of them are used, each on its side.
    for (split, count) in [(TaskSplit.test, 48), (.train, 240)] {
      let examples = try TaskMaker(task, seed: 9).examples(2500, for: split)
      let used = Set(examples.compactMap { SudokuShape.four.grid(of: $0.answer) })
      #expect(used.count == count)
      #expect(used.allSatisfy { task.isHeldOut($0) == (split == .test) })
    }
  }
}

extension SudokuShape {
  /// Whether `grid` is full and every unit holds each digit once.
  fileprivate func isSolution(_ grid: [UInt8]) -> Bool {
    units.allSatisfy { unit in Set(unit.map { grid[$0] }) == Set(1...UInt8(side)) }
  }
}

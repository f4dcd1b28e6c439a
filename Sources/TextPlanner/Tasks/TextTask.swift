import Files

/// Which of two files an example is for.
public enum TaskSplit: String, Sendable, CaseIterable {
  case train
  case test
}

/// A task whose examples can be made in any number.
///
/// What the test file holds is held out by a rule, not by luck: whatever is asked for in training, and
/// with whatever seed of the draws, no test example's *key* (the solved grid, the pair of numbers) occurs.
public protocol TextTask: Sendable {
  /// The difficulties that an example may have, each of which gets an equal share.
  var difficulties: ClosedRange<Int> { get }

  /// Draws one example, of one of the `wanted` difficulties if that is cheap; nil where the draw came to
  /// nothing.
  func draw(
    for split: TaskSplit, wanted: Set<Int>, using generator: inout SeededGenerator
  ) -> TextExample?

  /// An example that asks for the same in another form, for the same file and of the same difficulty; nil
  /// where the draw came to nothing, or where the task knows no other forms.
  func relative(
    of example: TextExample, for split: TaskSplit, using generator: inout SeededGenerator
  ) -> TextExample?
}

extension TextTask {
  public func relative(
    of example: TextExample, for split: TaskSplit, using generator: inout SeededGenerator
  ) -> TextExample? { nil }
}

/// The tasks by the names that the command line knows.
public enum TextTaskName: String, Sendable, CaseIterable {
  case sudoku4
  case sudoku6
  case sudoku9
  case addition
  case path
  case sort
  case facts

  /// Whether examples have relatives: others that ask for the same in another form.
  public var hasRelatives: Bool { sudoku != nil }

  /// The form of its sudokus; nil for a task of another kind.
  private var sudoku: SudokuShape? {
    switch self {
    case .sudoku4: .four
    case .sudoku6: .six
    case .sudoku9: .nine
    default: nil
    }
  }

  /// What `size` counts, and what it is by default; nil where the task has one size.
  public var size: (meaning: String, standard: Int, range: ClosedRange<Int>)? {
    switch self {
    case .sudoku4, .sudoku6, .sudoku9: nil
    case .addition: ("digits of each number", 8, 1...18)
    case .path: ("nodes of the graph", 10, 3...26)
    case .sort: ("letters to be sorted, at most", 12, 2...64)
    case .facts: ("symbols of the answer", 6, 1...64)
    }
  }

  /// What `difficulty` counts.
  public var difficultyMeaning: String {
    switch self {
    case .sudoku4, .sudoku6, .sudoku9: "rounds of singles, and guesses, to the solution"
    case .addition: "digits in the longest run of carries"
    case .path: "edges of the shortest path"
    case .sort: "letters"
    case .facts: "always 1"
    }
  }

  /// The task, its size and difficulties bounded.
  ///
  /// - Parameters:
  ///   - size: nil for the standard one.
  ///   - difficulties: nil for all that exist in quantity.
  /// - Throws: `TaskError.invalidSetting`.
  public func task(size: Int? = nil, difficulties: ClosedRange<Int>? = nil) throws -> any TextTask {
    guard let sizes = self.size else {
      if let size {
        throw TaskError.invalidSetting(
          name: "--size", expected: "none, \(rawValue) has one size", found: "\(size)")
      }
      guard let shape = sudoku else { preconditionFailure("\(self) is no sudoku and has no size") }
      return SudokuTask(
        shape, difficulties: try bounded(difficulties, by: SudokuTask.depths(shape)))
    }
    let size = size ?? sizes.standard
    guard sizes.range.contains(size) else {
      throw TaskError.invalidSetting(
        name: "--size", expected: "\(sizes.range.lowerBound) to \(sizes.range.upperBound)",
        found: "\(size)")
    }
    switch self {
    case .sudoku4, .sudoku6, .sudoku9: preconditionFailure("sudokus have no size")
    case .addition:
      return AdditionTask(digits: size, difficulties: try bounded(difficulties, by: 0...size))
    case .path:
      return PathTask(
        nodes: size, difficulties: try bounded(difficulties, by: PathTask.lengths(nodes: size)))
    case .sort:
      return SortTask(difficulties: try bounded(difficulties, by: 2...size))
    case .facts:
      return FactsTask(answerLength: size)
    }
  }

  private func bounded(
    _ wanted: ClosedRange<Int>?, by possible: ClosedRange<Int>
  ) throws -> ClosedRange<Int> {
    guard let wanted else { return possible }
    guard possible.lowerBound <= wanted.lowerBound, wanted.upperBound <= possible.upperBound else {
      throw TaskError.invalidSetting(
        name: "--difficulties",
        expected: "within \(possible.lowerBound)-\(possible.upperBound)",
        found: "\(wanted.lowerBound)-\(wanted.upperBound)")
    }
    return wanted
  }
}

/// A rule that holds out one key in eight, the same in every file ever made.
enum HeldOut {
  static func split(of key: some Sequence<UInt8>) -> TaskSplit {
    var fingerprint = Fingerprint()
    fingerprint.add(key)
    // Finished by SplitMix64: the fingerprints of short keys differ in the low bits alone.
    var generator = SeededGenerator(seed: fingerprint.value)
    return generator.next() % 8 == 0 ? .test : .train
  }
}

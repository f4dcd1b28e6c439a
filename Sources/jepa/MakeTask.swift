import ArgumentParser
import Evaluation
import Files
import Foundation
import TextPlanner

/// `jepa make-task`
struct MakeTask: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make prompts and answers of a task.",
    usage: "jepa make-task [<options>] <task> --output <output>",
    discussion: """
      Writes train.jsonl and test.jsonl, with equally many examples of each difficulty. What the \
      test file asks for (a solved grid, a pair of numbers, a graph) never occurs in training, \
      whatever the seeds. The tasks:

      \(Self.table)

        jepa make-task sudoku4 --output data/sudoku4
        jepa make-task addition --size 4 --train 20000 --output data/sums
        jepa make-task sudoku9 --originals 1000 --train 60000 --output data/sudoku9
      """)

  @Argument(help: "The task.")
  var task: TextTaskName

  @Option(help: "The folder of the two files: new or empty.", completion: .directory)
  var output: String

  @Option(help: "Examples to learn from.")
  var train = 20_000

  @Option(
    help: """
      Only so many of those to learn from are drawn; the others are the same puzzles with digits \
      renamed and rows and columns in another order.
      """)
  var originals: Int?

  @Option(help: "Examples to be measured on.")
  var test = 1_200

  @Option(help: "The task's size; see above.")
  var size: Int?

  @Option(
    help: ArgumentHelp("Only examples of these difficulties.", valueName: "least-greatest"))
  var difficulties: DifficultyRange?

  @Option(help: "What every random choice is made from.")
  var seed: UInt64 = 0

  @OptionGroup var progress: ProgressArguments

  func validate() throws {
    try OptionRange.check(["--train": train, "--test": test], atLeast: 0)
    guard train > 0 || test > 0 else {
      throw ValidationError("--train and --test: expected one of them above 0, found 0 and 0")
    }
    if let originals {
      try OptionRange.check(["--originals": originals], atLeast: 1)
      guard task.hasRelatives else {
        throw ValidationError("--originals is for sudokus, found \(task.rawValue)")
      }
    }
  }

  func run() throws {
    try OutputFolder.check(output)
    let task = try task.task(size: size, difficulties: difficulties?.range)
    try TaskMaker(task, seed: seed).write(
      to: output, train: train, test: test, originals: originals)
  }

  /// What each task's size and difficulty are.
  private static var table: String {
    let length = TextTaskName.allCases.map(\.rawValue.count).max() ?? 0
    return TextTaskName.allCases.map { task in
      let name = task.rawValue.padding(toLength: length, withPad: " ", startingAt: 0)
      let size = task.size.map { "size: \($0.meaning) (\($0.standard))\n            " } ?? ""
      return "  \(name) \(size)difficulty: \(task.difficultyMeaning)"
    }.joined(separator: "\n")
  }
}

/// `2-5`, or `3` for one difficulty.
struct DifficultyRange: ExpressibleByArgument {
  let range: ClosedRange<Int>

  init?(argument: String) {
    let bounds = argument.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(bounds.count), let least = bounds[0], let greatest = bounds.last ?? nil,
      least <= greatest
    else { return nil }
    range = least...greatest
  }
}

extension TextTaskName: ExpressibleByArgument {}

import ArgumentParser
import Evaluation
import Foundation

/// `jepa demo-text`
struct DemoText: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make puzzles, train a planner on them, and show how it answers.")

  @Option(
    help: """
      The run folder; by default the first free of checkpoints/demo-text, checkpoints/demo-text-2, …
      """, completion: .directory)
  var output: String?

  @Option(help: "Minutes of training.")
  var minutes = 4.0

  @OptionGroup var progress: ProgressArguments

  func run() throws {
    try TextDemo(output: output, minutes: minutes) {
      // Not print: its buffer would keep everything to the end where the output is no terminal.
      FileHandle.standardOutput.write(Data("\($0)\n".utf8))
    }.run()
  }
}

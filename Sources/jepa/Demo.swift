import ArgumentParser
import Evaluation
import Foundation

/// `jepa demo`
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train on the bundled pictures, evaluate, embed and draw contact sheets.",
    usage: "jepa demo [<options>]")

  @Option(
    help: "A folder with train and test, each with a folder for each class.", completion: .directory
  )
  var data = "data/demo/images"

  @Option(
    help: "The run folder; by default the first free of checkpoints/demo, checkpoints/demo-2, …",
    completion: .directory)
  var output: String?

  @Option(help: "Minutes of training.")
  var minutes = 5.0

  @OptionGroup var progress: ProgressArguments

  func run() throws {
    try DemoRun(data: data, output: output, minutes: minutes) {
      // Not print: its buffer would keep everything to the end where the output is no terminal.
      FileHandle.standardOutput.write(Data("\($0)\n".utf8))
    }.run()
  }
}

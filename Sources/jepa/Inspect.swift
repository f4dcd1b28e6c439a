import ArgumentParser
import Evaluation
import Files

/// `jepa inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print what a checkpoint is: sizes, parameters, data, steps, last metrics.")

  @Argument(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint: String

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() throws {
    let card = try ModelCard(checkpoint: checkpoint)
    printResult(json ? try card.json() : card.table)
  }
}

import ArgumentParser
import Evaluation
import Files
import Foundation
import Torch

/// `jepa evaluate`
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure what a checkpoint's embeddings are worth.",
    usage: "jepa evaluate [<options>] <train> <test> --checkpoint <checkpoint>",
    discussion: """
      TRAIN and TEST are folders with a folder of pictures for each class. Prints kNN, a linear \
      probe and RankMe, beside raw pixels and the same encoder with random weights, and whether \
      the energy tells spoiled pictures from clean ones.
      """)

  @Argument(help: "The labelled folder that kNN and the probe learn from.", completion: .directory)
  var train: String

  @Argument(help: "The labelled folder that they are tested on.", completion: .directory)
  var test: String

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint: String

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Option(help: "The neighbours that vote.")
  var k = 20

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  @OptionGroup var together: ProcessOptions

  @OptionGroup var progress: ProgressArguments

  func validate() throws { try OptionRange.check(["--k": k], atLeast: 1) }

  @OptionGroup var pictures: PictureOptions

  func run() throws { try together.run(run(in:)) }

  private func run(in group: ProcessGroup?) throws {
    ProcessOptions.setThreads(nil, in: group)
    let evaluation = ModelEvaluation(
      checkpoint: checkpoint, device: try Device(device), k: k, isStrict: strict,
      decoder: pictures.decoder)
    if let group, !group.isFirst {
      return try evaluation.takePart(train: train, test: test, in: group)
    }
    let report = try evaluation.run(train: train, test: test, in: group)
    printResult(json ? try report.json() : report.table)
  }
}

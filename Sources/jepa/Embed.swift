import ArgumentParser
import Evaluation
import Foundation
import Torch
import VisionJEPA

/// `jepa embed`
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the embedding of every picture of a folder.",
    discussion: "Writes a NumPy file [N, D] of float32, and beside it a CSV file of its rows.")

  @Argument(help: "The folder of pictures.")
  var folder: String

  @Option(help: "A run folder or a checkpoint's folder.")
  var checkpoint: String

  @Option(help: "The .npy file to write.")
  var output: String

  @Option(help: "Pictures embedded at once.")
  var batch = 256

  @Option(help: "cpu, cuda, cuda:INDEX or mps.")
  var device = "cpu"

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  func run() throws {
    let model = try ImageModel.load(from: checkpoint, device: try Device(device))
    let report = try EmbeddingExport(model: model, batchSize: batch, isStrict: strict)
      .run(try ImageFolder(folder), to: output)
    print(report)
  }
}

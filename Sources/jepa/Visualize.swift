import ArgumentParser
import Evaluation
import Files
import Foundation
import Torch

extension TokenPictures.Patch: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// `jepa visualize`
struct Visualize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw what a model sees of pictures, token by token.",
    usage: """
      jepa visualize [<options>] <pictures> ... --checkpoint <checkpoint>
          --output <output>
      """,
    discussion: """
      A row for each picture: the picture, the first three principal components of its tokens as \
      colours, with --patch how similar its tokens are to one of them, and its energy: where \
      hidden blocks are predicted badly from the rest.

        jepa visualize cat.jpg dog.jpg --checkpoint checkpoints/photos \\
          --output seen.png --patch 3,4
      """)

  @Argument(help: "Pictures.", completion: .pictures)
  var pictures: [String]

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint: String

  @Option(help: "The PNG file to write.", completion: .file(extensions: ["png"]))
  var output: String

  @Option(
    help: ArgumentHelp("The token that others are compared with, from 0,0.", valueName: "y,x"))
  var patch: TokenPictures.Patch?

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var decoding: PictureOptions

  func run() throws {
    try outputs.check(OutputFile("--output", output, .picture), against: pictures)
    let pictures = try TokenPictures(
      checkpoint: checkpoint, device: try Device(device), decoder: decoding.decoder)
    if let remark = try pictures.write(self.pictures, patch: patch, to: output) {
      printResult(remark)
    }
    printResult("wrote \(output)")
  }
}

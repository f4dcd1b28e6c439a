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

      With --invert a row is the picture and what is found from its embedding alone, by a descent \
      over pixels: what both share, the encoder kept. Energies are printed; a plain grey picture \
      has 1.

        jepa visualize cat.jpg --checkpoint checkpoints/photos \\
          --output kept.png --invert
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

  @OptionGroup var inversion: InversionOptions

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  @OptionGroup var decoding: PictureOptions

  func validate() throws {
    if inversion.invert, patch != nil {
      throw ValidationError("give one of --invert and --patch")
    }
  }

  func run() throws {
    try outputs.check(OutputFile("--output", output, .picture), against: pictures)
    let remarks = inversion.invert ? try drawInversions() : try drawTokens()
    for remark in remarks { printResult(remark) }
    printResult("wrote \(output)")
  }

  private func drawTokens() throws -> [String] {
    let tokens = try TokenPictures(
      checkpoint: checkpoint, device: try Device(device), decoder: decoding.decoder)
    return [try tokens.write(pictures, patch: patch, to: output)].compactMap { $0 }
  }

  private func drawInversions() throws -> [String] {
    try InvertedPictures(
      checkpoint: checkpoint, device: try Device(device), decoder: decoding.decoder
    ).write(pictures, parts: inversion.parts, settings: inversion.settings, to: output)
  }
}

import ArgumentParser
import Embeddings
import Evaluation
import Files
import Foundation
import Pictures
import Torch

/// `jepa neighbors`
struct Neighbors: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the pictures that are most similar to others.",
    usage: "jepa neighbors [<options>] <queries> ... --embeddings <embeddings>",
    discussion: """
      QUERYs are rows of the file (their paths, with #FRAME for a frame of a video) or pictures, \
      which are embedded with the model that made the file. The search is exact: its time grows \
      with the number of rows, 100,000 of them take about a second.

        jepa neighbors photos/cat.jpg --embeddings photos.npy --output sheet.png
      """)

  @Argument(help: "Rows of the file, or pictures.", completion: .file())
  var queries: [String]

  @Option(help: "A file that jepa embed wrote.", completion: .embeddings)
  var embeddings: String

  @Option(help: "How many neighbours of each.")
  var top = 10

  @Option(help: "A contact sheet to draw, a PNG file.", completion: .file(extensions: ["png"]))
  var output: String?

  @Option(
    help: "The model that made the file; by default where the file says that it was.",
    completion: .directory)
  var checkpoint: String?

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @OptionGroup var outputs: OutputArguments

  func validate() throws { try OptionRange.check(["--top": top], atLeast: 1) }

  @OptionGroup var pictures: PictureOptions

  func run() throws {
    try outputs.check(
      output.map { OutputFile("--output", $0, .picture) },
      against: EmbeddingFile.files(of: embeddings) + queries)
    let report = try NeighbourSearch(
      try EmbeddingFile(path: embeddings), checkpoint: checkpoint, device: try Device(device),
      decoder: pictures.decoder
    ).run(queries, top: top)
    printResult(json ? try report.json() : report.table)
    if let output { try report.sheet.draw(to: output, decoder: pictures.decoder) }
  }
}

extension PictureSheet {
  /// Draws the sheet and says so on the standard error, where it does not mix with JSON.
  func draw(to output: String, decoder: ImageDecoder) throws {
    for failure in try write(to: output, decoder: decoder) {
      StatusLine.standardError.print("not drawn: \(failure.error)")
    }
    StatusLine.standardError.print("wrote \(output)")
  }
}

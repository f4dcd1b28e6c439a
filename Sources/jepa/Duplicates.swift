import ArgumentParser
import Embeddings
import Evaluation
import Files
import Foundation

/// `jepa duplicates`
struct Duplicates: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find groups of pictures that are nearly the same.",
    usage: "jepa duplicates [<options>] --embeddings <embeddings>",
    discussion: """
      A group is a picture to keep, the first, and copies of it: the cosine of their embeddings \
      with its own is --threshold or more, after the mean of different pictures is subtracted. \
      Copies in another size or quality are above the default, other pictures of the same thing \
      mostly below; another model may want another. Among fewer than eight different pictures no \
      mean is subtracted, and the cosine must be 15 times nearer to 1. All pairs are compared: the \
      time grows with the square of the rows; some 100,000 of them are a sensible limit.

        jepa duplicates --embeddings photos.npy --output groups.png
      """)

  @Option(help: "A file that jepa embed wrote.", completion: .embeddings)
  var embeddings: String

  @Option(help: "The least cosine of near-duplicates.")
  var threshold = DuplicateGroups.defaultThreshold

  @Option(
    help: "A contact sheet to draw, a PNG file: the first 20 groups, up to 10 pictures of each.",
    completion: .file(extensions: ["png"]))
  var output: String?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  @OptionGroup var pictures: PictureOptions

  func run() throws {
    try outputs.check(
      output.map { OutputFile("--output", $0, .picture) },
      against: EmbeddingFile.files(of: embeddings))
    let report = try DuplicateReport(of: try EmbeddingFile(path: embeddings), threshold: threshold)
    printResult(json ? try report.json() : report.table)
    guard let output else { return }
    guard !report.groups.isEmpty else {
      StatusLine.standardError.print("no group to draw")
      return
    }
    try report.sheet.draw(to: output, decoder: pictures.decoder)
    if let remark = report.sheetRemark { StatusLine.standardError.print(remark) }
  }
}

import ArgumentParser
import Embeddings
import Evaluation
import Files
import Foundation

extension EmbeddingMap.Projection: ExpressibleByArgument {}

/// `jepa map`
struct Map: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show embeddings on a plane, as a page for the browser.",
    usage: "jepa map [<options>] --embeddings <embeddings> --output <output>",
    discussion: """
      The page is one file and needs no network: thumbnails on hover, a colour for each folder, \
      zoom and pan. pca shows the two directions of greatest variance; tsne keeps neighbours \
      together (up to 20,000 rows: of more, every second, third, … one is shown).

        jepa map --embeddings photos.npy --output map.html --projection tsne
      """)

  @Option(help: "A file that jepa embed wrote.", completion: .embeddings)
  var embeddings: String

  @Option(help: "The HTML file to write.", completion: .file(extensions: ["html"]))
  var output: String

  @Option(help: "What becomes of the embeddings' dimensions.")
  var projection = EmbeddingMap.Projection.pca

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  @OptionGroup var pictures: PictureOptions

  func run() throws {
    try outputs.check(
      OutputFile("--output", output, .page), against: EmbeddingFile.files(of: embeddings))
    let map = EmbeddingMap(
      try EmbeddingFile(path: embeddings), projection: projection, decoder: pictures.decoder)
    printResult(try map.write(to: output))
  }
}

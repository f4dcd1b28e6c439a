import ArgumentParser
import Evaluation
import Foundation

extension EmbeddingMap.Projection: ExpressibleByArgument {}

/// `jepa map`
struct Map: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show embeddings on a plane, as a page for the browser.",
    discussion: """
      The page is one file and needs no network: thumbnails on hover, a colour for each folder, zoom and
      pan. pca shows the two directions of greatest variance; tsne keeps neighbours together (up to 20,000
      rows: of more, every second, third, … one is shown).

        jepa map --embeddings photos.npy --output map.html --projection tsne
      """)

  @Option(help: "A file that jepa embed wrote.")
  var embeddings: String

  @Option(help: "The HTML file to write.")
  var output: String

  @Option(help: "pca or tsne.")
  var projection = EmbeddingMap.Projection.pca

  func run() throws {
    let map = EmbeddingMap(try EmbeddingFile(path: embeddings), projection: projection)
    print(try map.write(to: output))
  }
}

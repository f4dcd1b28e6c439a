import Files
import Foundation
import Pictures
import Torch

/// The rows of a file of embeddings on a plane, as a page that needs no network.
public struct EmbeddingMap {
  /// How rows get their places on the plane.
  public enum Projection: String, CaseIterable, Sendable {
    /// The two directions of greatest variance: far apart on the plane is far apart.
    case pca
    /// Neighbours stay neighbours; distances between groups say little.
    case tsne

    var title: String { self == .pca ? "PCA" : "t-SNE" }
  }

  /// What was made of the file.
  public struct Report: CustomStringConvertible {
    public let output: String
    public let rowCount: Int
    public let shownCount: Int
    public let thumbnailCount: Int
    public let byteCount: Int
    /// The shares of the variance that the two principal components have.
    public let shares: [Double]
    /// The pictures that could not be read.
    public let failures: [ImageFailure]

    public var description: String {
      let skipped = failures.map { "without a thumbnail: \($0.error)\n" }.joined()
      let part = shownCount < rowCount ? " of \(rowCount)" : ""
      return skipped
        + String(
          format:
            "wrote %@: %d%@ pictures, %d thumbnails, %.1f MB; PCA shows %.0f %% of the variance",
          output, shownCount, part, thumbnailCount, Double(byteCount) / 1e6,
          100 * shares.reduce(0, +))
    }
  }

  /// Rows on a page: more make browsers slow. Of more rows every second, third, … one is shown.
  static let mostShown = 100_000
  /// Rows that t-SNE lays out; the time of 2,000 is some six seconds of one core, and grows a little faster.
  static let mostLaidOut = 20_000
  /// Thumbnails on a page, some 2 kB each.
  static let mostThumbnails = 12_000

  private let file: EmbeddingFile
  private let projection: Projection
  private let decoder: ImageDecoder
  var layout = NeighbourEmbedding()

  public init(
    _ file: EmbeddingFile, projection: Projection = .pca, decoder: ImageDecoder = ImageDecoder()
  ) {
    self.file = file
    self.projection = projection
    self.decoder = decoder
  }

  /// Writes the page.
  ///
  /// - Throws: `EmbeddingError.malformedEmbeddings` for embeddings without pooling; `InputError.tooFewItems`;
  ///   `FileError`.
  public func write(to output: String) throws -> Report {
    let progress = WorkProgress()
    let all = try file.matrix()
    guard all.size(0) >= 3 else {
      throw InputError.tooFewItems(purpose: "a map", needed: 3, found: all.size(0))
    }
    let limit = projection == .tsne ? Self.mostLaidOut : Self.mostShown
    let step = (all.size(0) + limit - 1) / limit
    let shown = Array(stride(from: 0, to: all.size(0), by: step))
    let matrix = step == 1 ? all : all.select(indices: Tensor(shown.map(Int64.init)))
    let components = PrincipalComponents(of: all, count: 2)
    let principal = Self.points(components(matrix))
    var layouts = [(Projection.pca.title, principal)]
    if projection == .tsne {
      let places = layout(
        SimilaritySearch(matrix), embeddings: matrix, from: principal, progress: progress)
      layouts.insert((Projection.tsne.title, places), at: 0)
    }
    let rows = shown.map { file.rows[$0] }
    let thumbnails = try Thumbnails(
      of: rows, most: Self.mostThumbnails, decoder: decoder, progress: progress)
    let page = MapPage(
      title: PathParts(file.path).name, rows: rows, layouts: layouts,
      thumbnails: thumbnails.jpegs, thumbnailSize: thumbnails.size,
      notes: notes(shown: shown.count, step: step, thumbnails: thumbnails.step))
    let bytes = Array(page.html.utf8)
    try DurableFile.replace(output, with: bytes)
    return Report(
      output: output, rowCount: all.size(0), shownCount: shown.count,
      thumbnailCount: thumbnails.jpegs.count { $0 != nil }, byteCount: bytes.count,
      shares: components.shares, failures: thumbnails.failures)
  }

  private static func points(_ coordinates: Tensor) -> [SIMD2<Double>] {
    let width = coordinates.size(1)
    let values = coordinates.to(.float64).array(of: Double.self)
    return (0..<coordinates.size(0)).map { row in
      SIMD2(values[row * width], width > 1 ? values[row * width + 1] : 0)
    }
  }

  private func notes(shown: Int, step: Int, thumbnails: Int) -> [String] {
    let about = file.description
    var notes = [
      "\(file.rows.count.counted("embedding")) of width \(about.shape[1]), \(about.encoder)",
      "pooling \(about.pooling.rawValue), layer \(about.layer), \(about.imageSize) pixels",
      "model \(about.modelSHA256.prefix(12))",
    ]
    if step > 1 { notes.append("one row in \(step) is shown") }
    if thumbnails > 1 { notes.append("one point in \(thumbnails) has a thumbnail") }
    return notes
  }
}

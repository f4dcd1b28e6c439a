import Files
import Foundation

/// How much each picture of an embedding file differs from the others, 0 to 1.
///
/// The weighted mean of the lengths to the three nearest others (0.6, 0.3 and 0.1 of it), over the greatest of all
/// pictures: the measure of FiftyOne's `compute_uniqueness`, here with lengths between directions about the mean.
public struct UniquenessReport: Codable, Sendable {
  public struct Picture: Codable, Sendable {
    public let picture: CuratedPicture
    /// 0 for a picture that has three copies; 1 for the one that differs most.
    public let uniqueness: Double
    /// The most similar other picture.
    public let nearest: CuratedPicture
    /// The cosine with it, about the mean.
    public let similarity: Float
  }

  public let embeddings: String
  public let rows: Int
  /// Of all rows.
  public let mean: Double
  /// All rows, the least unique first; of equal ones the first by path.
  public let pictures: [Picture]

  private static let weights = [0.6, 0.3, 0.1]
  /// How many of each end the table and the sheet show.
  private static let shown = 10

  /// Compares all rows of a file.
  ///
  /// - Throws: `InputError.tooFewItems`; `EmbeddingError.malformedEmbeddings` for embeddings without pooling.
  public init(of file: EmbeddingFile) throws {
    let matrix = try file.matrix()
    guard file.rows.count > Self.weights.count else {
      throw InputError.tooFewItems(
        purpose: "uniqueness", needed: Self.weights.count + 1, found: file.rows.count)
    }
    let ordered = OrderedRows(file.rows)
    let matches = SimilaritySearch(ordered.select(0..<ordered.count, of: matrix))
      .nearestOfEach(Self.weights.count, progress: WorkProgress())
    let lengths = matches.map { zip(Self.weights, $0).reduce(0) { $0 + $1.0 * $1.1.distance } }
    let greatest = max(lengths.max()!, 1e-12)
    let values = lengths.map { $0 / greatest }
    embeddings = file.path
    rows = values.count
    mean = values.reduce(0, +) / Double(values.count)
    pictures = values.indices.sorted {
      values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1]
    }.map { place in
      Picture(
        picture: CuratedPicture(place, of: ordered), uniqueness: values[place],
        nearest: CuratedPicture(matches[place][0].row, of: ordered),
        similarity: matches[place][0].similarity)
    }
  }

  private func line(_ picture: Picture) -> String {
    String(format: "%6.3f  ", picture.uniqueness) + picture.picture.item.name
      + String(format: "  (%.3f ", picture.similarity) + picture.nearest.item.name + ")"
  }

  /// The two ends, each with the nearest other picture, and the mean.
  public var table: String {
    let count = min(Self.shown, rows / 2)
    let lines =
      ["least unique"] + pictures.prefix(count).map(line) + ["", "most unique"]
      + pictures.suffix(count).reversed().map(line)
    return (lines + ["", String(format: "mean %.3f of ", mean) + rows.counted("picture")])
      .joined(separator: "\n")
  }

  /// One line a picture in the order of the list: the row's fields and the value.
  public var csv: String {
    let lines = pictures.map { picture in
      [
        "\(picture.picture.row)", DelimitedText.quoted(picture.picture.path),
        DelimitedText.quoted(picture.picture.label ?? ""),
        picture.picture.frame.map(String.init) ?? "", "\(picture.uniqueness)",
      ].joined(separator: ",")
    }
    return ([Self.tableHeader] + lines).map { $0 + "\r\n" }.joined()
  }

  static let tableHeader = (DelimitedText.rowFields.prefix(4) + ["uniqueness"]).joined(
    separator: ",")

  public func json() throws -> String { try ReportJSON.text(of: self) }

  /// The least unique pictures in a row and the nearest of each below; then the most unique and theirs.
  public var sheet: PictureSheet {
    let count = min(Self.shown, rows / 2)
    let ends = [Array(pictures.prefix(count)), Array(pictures.suffix(count).reversed())]
    return PictureSheet(
      rows: ends.flatMap { end in
        [
          end.map {
            PictureSheet.Tile($0.picture.item, caption: String(format: "%.3f", $0.uniqueness))
          },
          end.map {
            PictureSheet.Tile($0.nearest.item, caption: String(format: "near %.3f", $0.similarity))
          },
        ]
      })
  }
}

extension OutputKind {
  /// Pictures by how much they differ from the others, as CSV.
  public static let uniquenessTable = OutputKind { $0.begin(with: UniquenessReport.tableHeader) }
}

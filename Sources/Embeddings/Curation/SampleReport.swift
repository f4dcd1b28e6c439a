import Files
import Foundation
import Torch

/// A few pictures of an embedding file that stand for all of them, by `FarthestPoints`.
///
/// The first is the one that is most similar to all, each next one that which differs most from those chosen. So
/// every picture is near one of the sample, and copies are left out.
public struct SampleReport: Codable, Sendable {
  public struct Picture: Codable, Sendable {
    public let picture: CuratedPicture
    /// How far it was from those before it, 0 to 2; nil of the first.
    public let distance: Double?
    /// Whether its file is not there any more.
    public let isMissing: Bool
  }

  public let embeddings: String
  public let rows: Int
  /// No picture of the file is farther from the nearest of the sample: sqrt(2 - 2 cos), about the mean.
  public let radius: Double
  /// In the order of choice: so the first n are a sample of n.
  public let pictures: [Picture]

  /// Chooses pictures.
  ///
  /// - Parameter count: how many; where fewer differ, those.
  /// - Throws: `InputError.invalidSetting` for a count that is not within 1 and the number of rows;
  ///   `EmbeddingError.malformedEmbeddings` for embeddings without pooling.
  public init(_ count: Int, of file: EmbeddingFile) throws {
    let matrix = try file.matrix()
    guard count >= 1, count <= file.rows.count else {
      throw InputError.invalidSetting(
        name: "count", expected: "1 to \(file.rows.count), the pictures of \(file.path)",
        found: "\(count)")
    }
    let ordered = OrderedRows(file.rows)
    let search = SimilaritySearch(ordered.select(0..<ordered.count, of: matrix))
    let directions = search.directions(of: search.values)
    let first = withoutGradient {
      directions.matmul(directions.sum(0).unsqueezed(1)).squeezed(1).argmax(0).integer()
    }
    let progress = WorkProgress()
    progress.begin("choosing pictures", total: count)
    let points = FarthestPoints(count, of: directions, from: first) { progress.advance() }
    embeddings = file.path
    rows = file.rows.count
    radius = points.radius
    pictures = zip(points.chosen, points.distances).map { place, distance in
      Picture(
        picture: CuratedPicture(place, of: ordered), distance: distance.isFinite ? distance : nil,
        isMissing: ordered.isMissing(place))
    }
  }

  /// The paths of the pictures that are files of their own and are there, in the order of choice.
  public var paths: [String] {
    pictures.filter { $0.picture.frame == nil && !$0.isMissing }.map(\.picture.path)
  }

  /// A line for each, and how well they stand for the rest.
  public var table: String {
    let lines = pictures.map {
      ($0.distance.map { String(format: "%6.3f  ", $0) } ?? "     -  ") + $0.picture.item.name
    }
    return (lines + ["", summary]).joined(separator: "\n")
  }

  private var missing: Int { pictures.count { $0.isMissing } }

  /// How well the sample stands for the rest, and how many of it are not there any more.
  public var summary: String {
    "\(pictures.count) of \(rows.counted("picture")): none is farther than "
      + String(format: "%.3f", radius) + " from the nearest of them"
      + (missing == 0 ? "" : "; \(missing) of them \(missing == 1 ? "is" : "are") not there")
  }

  public func json() throws -> String { try ReportJSON.text(of: self) }

  private static let columns = 10
  private static let mostTiles = 200

  /// The pictures in the order of choice, line by line.
  public var sheet: PictureSheet {
    let shown = Array(pictures.prefix(Self.mostTiles))
    return PictureSheet(
      rows: stride(from: 0, to: shown.count, by: Self.columns).map { start in
        shown[start..<min(start + Self.columns, shown.count)].map {
          PictureSheet.Tile(
            $0.picture.item, caption: $0.distance.map { String(format: "%.3f", $0) } ?? "first")
        }
      })
  }

  /// What the sheet leaves out; nil where it shows everything.
  public var sheetRemark: String? {
    pictures.count > Self.mostTiles
      ? "the sheet shows the first \(Self.mostTiles) of \(pictures.count.counted("picture"))" : nil
  }
}

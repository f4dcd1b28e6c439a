import Files
import Foundation

/// The pictures of an embedding file that are far from all others.
///
/// How far a picture is: the length between its direction and that of its k-th nearest other, sqrt(2 - 2 cos), about
/// the mean. The k-th, so that a few copies of an odd picture do not hide each other. It is told in the deviations by
/// which it is above the median of all: 1.4826 times the median deviation from the median, which is the standard
/// deviation where distances are normal.
///
/// Reference: Ramaswamy, Rastogi and Shim 2000, "Efficient algorithms for mining outliers from large data sets".
public struct OutlierReport: Codable, Sendable {
  public struct Neighbour: Codable, Sendable {
    public let picture: CuratedPicture
    /// The cosine about the mean, -1 to 1.
    public let similarity: Float
  }

  public struct Outlier: Codable, Sendable {
    public let picture: CuratedPicture
    /// 0 to 2.
    public let distance: Double
    /// How many deviations above the median.
    public let deviations: Double
    /// The nearest others, most similar first.
    public let nearest: [Neighbour]
  }

  public let embeddings: String
  public let rows: Int
  /// Which nearest other decides.
  public let k: Int
  /// Of all rows' distances.
  public let median: Double
  public let deviation: Double
  /// How many rows are more than 3.5 deviations above the median.
  public let far: Int
  /// The farthest first; of equal ones the first by path.
  public let outliers: [Outlier]

  /// Above so many deviations Iglewicz and Hoaglin call a value an outlier.
  private static let limit = 3.5

  /// Compares all rows of a file.
  ///
  /// - Parameters:
  ///   - k: which nearest other decides; fewer where there are fewer.
  ///   - top: how many are named.
  /// - Throws: `InputError.invalidSetting`, `.tooFewItems`; `EmbeddingError.malformedEmbeddings` for embeddings
  ///   without pooling.
  public init(of file: EmbeddingFile, k: Int = 5, top: Int = 20) throws {
    guard k >= 1 else {
      throw InputError.invalidSetting(name: "k", expected: "1 or more", found: "\(k)")
    }
    guard top >= 1 else {
      throw InputError.invalidSetting(name: "top", expected: "1 or more", found: "\(top)")
    }
    let matrix = try file.matrix()
    guard file.rows.count > k else {
      throw InputError.tooFewItems(
        purpose: "outliers by the neighbour \(k)", needed: k + 1, found: file.rows.count)
    }
    let ordered = OrderedRows(file.rows)
    let matches = SimilaritySearch(ordered.select(0..<ordered.count, of: matrix))
      .nearestOfEach(k, progress: WorkProgress())
    let distances = matches.map { $0.last!.distance }
    let median = Self.median(of: distances)
    // Where most pictures are equally far, any other is far.
    let deviation = max(1.4826 * Self.median(of: distances.map { abs($0 - median) }), 1e-6)
    embeddings = file.path
    rows = file.rows.count
    self.k = k
    self.median = median
    self.deviation = deviation
    far = distances.count { ($0 - median) / deviation > Self.limit }
    outliers = distances.indices.sorted {
      distances[$0] == distances[$1] ? $0 < $1 : distances[$0] > distances[$1]
    }.prefix(top).map { place in
      Outlier(
        picture: CuratedPicture(place, of: ordered), distance: distances[place],
        deviations: (distances[place] - median) / deviation,
        nearest: matches[place].map {
          Neighbour(picture: CuratedPicture($0.row, of: ordered), similarity: $0.similarity)
        })
    }
  }

  private static func median(of values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// A line for each, and what is usual.
  public var table: String {
    let lines = outliers.map {
      String(format: "%8.3f  %+6.1f  ", $0.distance, $0.deviations) + $0.picture.item.name
    }
    let usual =
      String(format: "the median is %.3f, a deviation %.3f; ", median, deviation)
      + "\(far) of \(rows.counted("picture")) \(far == 1 ? "is" : "are") more than "
      + String(format: "%.1f above it", Self.limit)
    return (["distance  deviations"] + lines + ["", usual]).joined(separator: "\n")
  }

  public func json() throws -> String { try ReportJSON.text(of: self) }

  /// Each outlier beside the pictures that are nearest to it.
  public var sheet: PictureSheet {
    PictureSheet(
      rows: outliers.map { outlier in
        [
          PictureSheet.Tile(
            outlier.picture.item, caption: String(format: "%+.1f", outlier.deviations))
        ]
          + outlier.nearest.prefix(5).enumerated().map { place, neighbour in
            PictureSheet.Tile(
              neighbour.picture.item, caption: String(format: "%.3f", neighbour.similarity),
              startsGroup: place == 0)
          }
      })
  }
}

extension SimilaritySearch.Match {
  /// The length between the two directions, 0 to 2.
  var distance: Double { max(0, 2 - 2 * Double(similarity)).squareRoot() }
}

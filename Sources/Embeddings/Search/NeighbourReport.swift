import Files
import Foundation

/// The nearest rows of each query, as a table and as JSON.
public struct NeighbourReport: Codable, Sendable {
  public struct Neighbour: Codable, Sendable {
    public let row: Int
    public let path: String
    public let label: String?
    public let frame: Int?
    public let seconds: Double?
    /// The cosine after the mean of all rows is subtracted, -1 to 1.
    public let similarity: Float

    init(_ row: EmbeddingRow, match: SimilaritySearch.Match) {
      self.row = match.row
      path = row.path
      label = row.label
      frame = row.frame
      seconds = row.seconds
      similarity = match.similarity
    }

    /// What the neighbour is.
    var item: EmbeddingRow {
      EmbeddingRow(path: path, label: label, frame: frame, seconds: seconds)
    }
  }

  public struct Query: Codable, Sendable {
    public let query: String
    /// The query's own row; nil for a picture that is not in the file.
    public let row: Int?
    /// The query's frame, where it is one of a video.
    public let frame: Int?
    /// Most similar first.
    public let neighbours: [Neighbour]

    /// What the query is; the name of a frame ends in its number.
    var item: EmbeddingRow {
      guard let frame else { return EmbeddingRow(path: query) }
      return EmbeddingRow(path: String(query.dropLast("#\(frame)".count)), frame: frame)
    }
  }

  /// The file that was searched.
  public let embeddings: String
  public let queries: [Query]

  /// A block of lines for each query.
  public var table: String {
    queries.map { query in
      let lines = query.neighbours.enumerated().map { place, neighbour in
        String(format: "%4d  %6.3f  ", place + 1, neighbour.similarity) + neighbour.item.name
      }
      return ([query.query] + lines).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  public func json() throws -> String { try ReportJSON.text(of: self) }

  /// The queries, each beside its neighbours.
  public var sheet: PictureSheet {
    PictureSheet(
      rows: queries.map { query in
        [PictureSheet.Tile(query.item, caption: "query")]
          + query.neighbours.enumerated().map { place, neighbour in
            PictureSheet.Tile(
              neighbour.item, caption: String(format: "%.3f", neighbour.similarity),
              startsGroup: place == 0)
          }
      })
  }
}

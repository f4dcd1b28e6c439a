import Foundation
import TrainingRuns
import VisionJEPA

/// The groups of near-duplicates in a file of embeddings, as a table and as JSON.
public struct DuplicateReport: Codable, Sendable {
  public struct Member: Codable, Sendable {
    public let row: Int
    public let path: String
    public let frame: Int?
    /// The cosine with the most similar other member, after the mean of all rows is subtracted.
    public let similarity: Float

    var item: EmbeddingRow { EmbeddingRow(path: path, frame: frame) }
  }

  /// The file that was searched.
  public let embeddings: String
  public let threshold: Float
  public let rows: Int
  /// Rows that could be removed so that one of each group is left.
  public let surplus: Int
  /// The largest group first.
  public let groups: [[Member]]

  /// Searches a file.
  ///
  /// - Throws: `EvaluationError.invalidSetting`, `.malformedEmbeddings` for embeddings without pooling.
  public init(
    of file: EmbeddingFile, threshold: Float = DuplicateGroups.defaultThreshold
  ) throws(EvaluationError) {
    let found = try DuplicateGroups(
      among: SimilaritySearch(try file.matrix()), threshold: threshold, progress: WorkProgress())
    embeddings = file.path
    self.threshold = threshold
    rows = found.rowCount
    surplus = found.surplusCount
    groups = found.groups.map { group in
      zip(group.rows, group.similarities).map { row, similarity in
        Member(
          row: row, path: file.rows[row].path, frame: file.rows[row].frame, similarity: similarity)
      }
    }
  }

  /// A block of lines for each group, and a last line that counts.
  public var table: String {
    let blocks = groups.enumerated().map { number, group in
      let lines = group.map { String(format: "%8.3f  ", $0.similarity) + $0.item.name }
      return (["group \(number + 1): \(group.count) pictures"] + lines).joined(separator: "\n")
    }
    let summary =
      "\(groups.count) groups of near-duplicates at \(threshold): "
      + "\(surplus) of \(rows) pictures could go"
    return (blocks + [summary] + (warning.map { [$0] } ?? [])).joined(separator: "\n\n")
  }

  /// What to do where so many pictures are alike that the threshold says nothing.
  private var warning: String? {
    guard let largest = groups.first, rows >= 20, largest.count > rows / 4 else { return nil }
    return "one group holds \(largest.count) of \(rows): this model does not tell these pictures "
      + "apart at \(threshold); raise --threshold"
  }

  public func json() throws -> String { try ReportJSON.text(of: self) }

  /// The first groups, a row of pictures each.
  public var sheet: PictureSheet {
    PictureSheet(
      rows: groups.prefix(20).map { group in
        group.prefix(10).map {
          PictureSheet.Tile($0.item, caption: String(format: "%.3f", $0.similarity))
        }
      })
  }
}

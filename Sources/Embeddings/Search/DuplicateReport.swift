import Files
import Foundation

/// The groups of near-duplicates in a file of embeddings, as a table and as JSON.
public struct DuplicateReport: Codable, Sendable {
  public struct Member: Codable, Sendable {
    public let row: Int
    public let path: String
    public let frame: Int?
    /// The cosine with the group's first member, which is the one to keep.
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
  /// - Throws: `InputError.invalidSetting`, `.malformedEmbeddings` for embeddings without pooling.
  public init(
    of file: EmbeddingFile, threshold: Float = DuplicateGroups.defaultThreshold
  ) throws {
    let found = try DuplicateGroups(
      among: .forCopies(among: try file.matrix(), threshold: threshold), threshold: threshold,
      progress: WorkProgress())
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
      return (["group \(number + 1): \(group.count.counted("picture"))"] + lines).joined(
        separator: "\n")
    }
    let summary =
      "\(groups.count.counted("group")) of near-duplicates at \(threshold): "
      + "\(surplus) of \(rows.counted("picture")) could go"
    return (blocks + [summary] + (warning.map { [$0] } ?? [])).joined(separator: "\n\n")
  }

  /// What equal pictures reach, whatever the model.
  private static let sameBytes: Float = 0.99999

  /// What to do where so many pictures are alike that the threshold says nothing.
  private var warning: String? {
    guard let largest = groups.first, rows >= 20, largest.count > rows / 4,
      largest.contains(where: { $0.similarity < Self.sameBytes })
    else { return nil }
    return
      "one group holds \(largest.count) of \(rows): if they are no copies, this model does not "
      + "tell these pictures apart at \(threshold); raise --threshold"
  }

  public func json() throws -> String { try ReportJSON.text(of: self) }

  private static let mostRows = 20
  private static let mostTiles = 10

  /// The first groups, a row of pictures each: the one to keep, and copies of it. Below the last is how
  /// many more there are.
  public var sheet: PictureSheet {
    PictureSheet(
      rows: groups.prefix(Self.mostRows).map { group in
        let shown = group.prefix(Self.mostTiles)
        return shown.enumerated().map { place, member in
          let rest = place == shown.count - 1 ? group.count - shown.count : 0
          return PictureSheet.Tile(
            member.item,
            caption: rest > 0 ? "+\(rest) more" : String(format: "%.3f", member.similarity))
        }
      })
  }

  /// What the sheet leaves out; nil where it shows everything.
  public var sheetRemark: String? {
    guard groups.count > Self.mostRows || groups.contains(where: { $0.count > Self.mostTiles })
    else { return nil }
    return "the sheet shows \(min(groups.count, Self.mostRows)) of "
      + "\(groups.count.counted("group")), at most \(Self.mostTiles) pictures of each"
  }
}

import Files
import Foundation

/// The groups of near-duplicates in a file of embeddings, as a table, as JSON and as a list of what could go.
public struct DuplicateReport: Codable, Sendable {
  /// What a picture is to the one of its group that is kept.
  public enum Relation: String, Codable, Sendable {
    /// That one itself.
    case kept
    /// The same file under another name, by a hard or symbolic link.
    case sameFile = "same file"
    /// Another file of the same bytes.
    case sameBytes = "same bytes"
    /// Another file of the same pixels.
    case samePixels = "same pixels"
    /// A picture that is nearly the same, by its pixels or, where they were not looked at, by its embedding.
    case near
    /// A picture that is near others of the group, and not the one that is kept.
    case chained = "chain"

    /// Whether nothing of the picture would be lost without it.
    var isCopy: Bool { [.sameBytes, .samePixels, .near].contains(self) }
  }

  public struct Member: Codable, Sendable {
    public let row: Int
    public let path: String
    public let frame: Int?
    /// The cosine with the group's first member, which is the one to keep.
    public let similarity: Float
    /// How well its picture agrees with the first's where one lies in the other, 0 to 1: the mean of 64 blocks without the worst
    /// fifth. nil where they were not compared.
    public let agreement: Float?
    public let relation: Relation
    /// Whether its file could go: a copy of the one that is kept, which is there; as `DuplicateSearch` says.
    public let canGo: Bool
    /// Whether there is no such file any more.
    public let isMissing: Bool
    /// Upright, in pixels; nil where it cannot be read.
    public let width: Int?
    public let height: Int?
    public let bytes: Int?
    /// How many names its file has; nil where it is no file of its own.
    public let hardLinks: Int?
    /// Whether only its embedding says that it is a copy, and that is not enough: the pictures could not be compared, or one of
    /// them was changed after it was embedded.
    public let isUnsure: Bool

    var item: EmbeddingRow { EmbeddingRow(path: path, frame: frame) }

    /// What it is to the one that is kept, in one word or number.
    var caption: String {
      switch relation {
      case .kept: "keep"
      case .near, .chained: String(format: "%.3f", agreement ?? similarity)
      case .sameFile, .sameBytes, .samePixels: relation.rawValue
      }
    }

    /// Such as `400x533, 212 kB, 2 hard links`.
    fileprivate var details: String {
      var parts: [String] = []
      if let width, let height { parts.append("\(width)x\(height)") }
      if let bytes { parts.append("\((bytes + 999) / 1000) kB") }
      if let hardLinks, hardLinks > 1 { parts.append("\(hardLinks) hard links") }
      if isMissing { parts.append("not there") }
      if isUnsure { parts.append("by its embedding alone") }
      if relation == .chained { parts.append("only near others of the group") }
      return parts.isEmpty ? "" : "  (\(parts.joined(separator: ", ")))"
    }
  }

  /// The file that was searched.
  public let embeddings: String
  public let threshold: Float
  public let confirmation: DuplicateSearch.Confirmation
  /// The least agreement of copies; nil where pixels are not looked at.
  public let leastAgreement: Float?
  public let link: DuplicateGroups.Link
  public let keep: DuplicateSearch.Keep
  /// The folders between which copies were looked for; nil for all rows.
  public let across: DuplicateSearch.Folders?
  public let rows: Int
  /// Rows whose pictures are not there any more: nothing is said of their files.
  public let missing: Int
  /// Rows of pictures whose pixels could not be looked at, so that their embeddings alone decide; or, where pixels are not
  /// looked at, that were changed after they were embedded.
  public let unsure: Int
  /// Files that could go so that one of each group is left.
  public let surplus: Int
  /// The largest group first, and of each the one to keep.
  public let groups: [[Member]]

  init(
    of search: DuplicateSearch, embeddings: String, rows: Int, missing: Int, unsure: Int,
    groups: [[Member]]
  ) {
    self.embeddings = embeddings
    threshold = search.threshold
    confirmation = search.confirmation
    leastAgreement = search.confirmation == .pixels ? search.leastAgreement : nil
    link = search.link
    keep = search.keep
    across = search.across
    self.rows = rows
    self.missing = missing
    self.unsure = unsure
    self.groups = groups
    surplus = groups.joined().count { $0.canGo }
  }

  /// The paths of the files that could go, in the order of the groups.
  public var removable: [String] { groups.joined().filter(\.canGo).map(\.path) }

  /// A block of lines for each group, and a last line that counts.
  public var table: String {
    let blocks = groups.enumerated().map { number, group in
      let lines = group.map { member in
        let caption = member.caption
        let space = String(repeating: " ", count: max(0, 11 - caption.count))
        return "\(space)\(caption)  \(member.item.name)\(member.details)"
      }
      return (["group \(number + 1): \(group.count.counted("picture"))"] + lines).joined(
        separator: "\n")
    }
    return (blocks + [summary] + remarks).joined(separator: "\n\n")
  }

  /// How many groups there are, and how many files could go.
  public var summary: String {
    "\(groups.count.counted("group")) of near-duplicates "
      + (leastAgreement.map { "by pixels at \($0): " } ?? "at \(threshold): ")
      + "\(surplus) of \(rows.counted("picture")) could go"
  }

  /// What is to be known before anything goes, a line each.
  public var remarks: [String] { [likeness, chains, links, absence, doubt].compactMap { $0 } }

  /// What equal pictures reach, whatever the model.
  private static let sameBytes: Float = 0.99999

  /// What to do where so many pictures are alike that the threshold says nothing.
  private var likeness: String? {
    guard confirmation == .none, let largest = groups.first, rows >= 20, largest.count > rows / 4,
      largest.contains(where: { $0.similarity < Self.sameBytes })
    else { return nil }
    return
      "one group holds \(largest.count) of \(rows): if they are no copies, this model does not "
      + "tell these pictures apart at \(threshold); raise --threshold"
  }

  private var chains: String? {
    let chained = groups.filter { $0.contains { $0.relation == .chained } }
    guard let least = chained.joined().map({ $0.agreement ?? $0.similarity }).min()
    else { return nil }
    return "\(chained.count.counted("group")) \(chained.count == 1 ? "is" : "are") chains: "
      + "\(chained.joined().count { $0.relation == .chained }) of their pictures are not near "
      + "the one to keep (down to \(String(format: "%.3f", least))) and stay"
  }

  private var links: String? {
    let count = groups.joined().count { $0.relation == .sameFile }
    guard count > 0 else { return nil }
    return "\(count.counted("name")) \(count == 1 ? "is" : "are") links to a file that is kept: "
      + "without \(count == 1 ? "it" : "them") no room would be won"
  }

  private var absence: String? {
    guard missing > 0 else { return nil }
    return "\(missing) of \(rows.counted("picture")) \(missing == 1 ? "is" : "are") not there, and "
      + "nothing is said of their files: paths are those that jepa embed was given"
  }

  private var doubt: String? {
    guard unsure > 0 else { return nil }
    let pictures = "\(unsure) of \(rows.counted("picture"))"
    return confirmation == .pixels
      ? "\(pictures) \(unsure == 1 ? "is" : "are") compared by embeddings alone, at \(threshold), and "
        + "never \(unsure == 1 ? "goes" : "go") for being near: frames of videos, and what is not there or "
        + "cannot be read"
      : "\(pictures) changed after \(unsure == 1 ? "it was" : "they were") embedded, and never "
        + "\(unsure == 1 ? "goes" : "go") for being near: embed again, or leave --confirm out"
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
            member.item, caption: rest > 0 ? "+\(rest) more" : member.caption)
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

import Files
import Foundation
import Pictures
import Torch

/// Finds the copies among the pictures of an embedding file: first the files of equal bytes, then by embedding.
///
/// The answer does not depend on the order of the file's rows: they are put into the order of their paths first.
public struct DuplicateSearch {
  /// Which of a group is kept.
  public enum Keep: String, CaseIterable, Codable, Sendable {
    /// The first by its path's bytes.
    case first
    /// The one of most pixels; of equal ones that of most bytes.
    case largest
    /// The one that shows most: whose PNG of 64 levels a channel is largest.
    case best
  }

  /// Two folders between which copies are looked for.
  public struct Folders: Codable, Sendable {
    /// Of this one nothing could go.
    public let kept: String
    public let searched: String

    public init(kept: String, searched: String) {
      self.kept = kept
      self.searched = searched
    }
  }

  public var threshold = DuplicateGroups.defaultThreshold
  public var link = DuplicateGroups.Link.star
  public var keep = Keep.first
  public var across: Folders?

  private let file: EmbeddingFile
  private let decoder: ImageDecoder

  public init(_ file: EmbeddingFile, decoder: ImageDecoder = ImageDecoder()) {
    self.file = file
    self.decoder = decoder
  }

  /// Searches the file, and looks at the pictures that are copies.
  ///
  /// - Throws: `InputError.invalidSetting`; `EmbeddingError.malformedEmbeddings` for embeddings without pooling,
  ///   `.tooManyPairs`, `.noRowsInFolder`.
  public func run() throws -> DuplicateReport {
    try DuplicateGroups.check(threshold)
    let matrix = try file.matrix()
    let progress = WorkProgress()
    progress.begin("looking at the files")
    let rows = OrderedRows(file.rows)
    let files = rows.equalFiles()
    // One row stands for all that hold the same bytes; the mean is that of all pictures, whichever are compared.
    let all = EqualSets(rows, files)
    let sets = try across.map { try EqualSets(rows, files, across: $0, of: file.path) } ?? all
    func values(_ sets: EqualSets) -> Tensor { rows.select(sets.all.map { $0[0] }, of: matrix) }
    let whole = SimilaritySearch.forCopies(among: values(all), threshold: threshold)
    let search = across == nil ? whole : whole.among(values(sets))
    let found: DuplicateGroups
    if across == nil {
      found = try DuplicateGroups(
        among: search, threshold: threshold, link: link,
        preference: keep == .first ? nil : { preferred($0, of: sets, rows) }, progress: progress)
    } else {
      found = try DuplicateGroups(
        among: search, acrossRow: sets.keptCount, threshold: threshold, progress: progress)
    }
    progress.begin("looking at the copies")
    let grouped = Set(found.groups.flatMap(\.rows))
    let alone = sets.all.indices.filter { !grouped.contains($0) && sets.all[$0].count > 1 }
      .map { DuplicateGroups.Group(rows: [$0], similarities: [1]) }
    var groups: [[PlacedMember]] = []
    for group in found.groups + alone where across == nil || group.rows[0] < sets.keptCount {
      groups.append(members(of: group, sets, rows, files))
    }
    groups.sort { (one: [PlacedMember], other: [PlacedMember]) -> Bool in
      one.count == other.count ? one[0].place < other[0].place : one.count > other.count
    }
    return DuplicateReport(
      embeddings: file.path, threshold: threshold, link: link, keep: keep, across: across,
      rows: file.rows.count, missing: rows.missingCount,
      groups: groups.map { group in group.map { $0.member } })
  }

  /// The sets whose embeddings are near others', the one whose picture is to be kept first.
  private func preferred(_ found: [Int], of sets: EqualSets, _ rows: OrderedRows) -> [Int] {
    let merits = found.map { set -> (merit: [Int], set: Int) in
      let place = sets.all[set][0]
      guard rows.isPicture(place),
        let facts = PictureFacts(ofFile: rows[place].path, decoder: decoder)
      else { return ([], set) }
      let detail =
        keep == .best ? [PictureFacts.detail(ofFile: rows[place].path, decoder: decoder)] : []
      return (detail + [facts.pixelCount, facts.byteCount], set)
    }
    return merits.sorted {
      $0.merit == $1.merit
        ? $0.set < $1.set : $1.merit.lexicographicallyPrecedes($0.merit)
    }.map(\.set)
  }

  /// Equal pictures are at least so similar, whatever batch each was embedded in.
  private static let leastOfEqualPixels: Float = 0.999

  /// All rows of a group, with what each is to the one that is kept.
  private func members(
    of group: DuplicateGroups.Group, _ sets: EqualSets, _ rows: OrderedRows, _ files: EqualFiles
  ) -> [PlacedMember] {
    let kept = sets.all[group.rows[0]][0]
    lazy var pixels = rows.isPicture(kept) ? try? decoder.decode(contentsOf: rows[kept].path) : nil
    func relation(_ place: Int, _ similarity: Float, isNear: Bool) -> DuplicateReport.Relation {
      if files.firstOfFile[place] == files.firstOfFile[kept] { return .sameFile }
      if files.firstOfBytes[place] == files.firstOfBytes[kept] { return .sameBytes }
      guard isNear else { return .chained }
      guard similarity >= Self.leastOfEqualPixels, rows.isPicture(place), let pixels,
        let own = try? decoder.decode(contentsOf: rows[place].path)
      else { return .near }
      return own == pixels ? .samePixels : .near
    }
    var members: [PlacedMember] = []
    for (number, set) in group.rows.enumerated() {
      for place in sets.all[set] {
        let similarity = group.similarities[number]
        let what =
          place == kept ? .kept : relation(place, similarity, isNear: group.isNear[number])
        let isPicture = rows.isPicture(place)
        let facts = isPicture ? PictureFacts(ofFile: rows[place].path, decoder: decoder) : nil
        let member = DuplicateReport.Member(
          row: rows.numbers[place], path: rows[place].path, frame: rows[place].frame,
          similarity: similarity, relation: what,
          canGo: what.isCopy && isPicture && rows.isPicture(kept),
          isMissing: rows.isMissing(place), width: facts?.width, height: facts?.height,
          bytes: facts?.byteCount, hardLinks: files.facts[place]?.linkCount)
        members.append(PlacedMember(place: place, member: member))
      }
    }
    return members
  }
}

/// A picture of a group, and its place in the order of the paths.
private struct PlacedMember {
  let place: Int
  let member: DuplicateReport.Member
}

/// The places of rows whose files hold the same bytes, in sets of one or more; of each set the first stands for all.
private struct EqualSets {
  let all: [[Int]]
  /// How many sets at the beginning have a picture of the folder of which nothing could go.
  let keptCount: Int

  init(_ rows: OrderedRows, _ files: EqualFiles) {
    self.init(files, places: Array(0..<rows.count))
  }

  private init(_ files: EqualFiles, places: [Int]) {
    var sets: [Int: [Int]] = [:]
    for place in places { sets[files.firstOfBytes[place], default: []].append(place) }
    all = sets.values.sorted { $0[0] < $1[0] }
    keptCount = all.count
  }

  /// The first picture of the folder that is kept, of each set that has one, with all of the other folder; then the
  /// sets of the other folder alone. Pictures of neither take no part.
  ///
  /// - Throws: `InputError.invalidSetting` for folders of which one is in the other; `EmbeddingError.noRowsInFolder`.
  init(
    _ rows: OrderedRows, _ files: EqualFiles, across folders: DuplicateSearch.Folders,
    of file: String
  ) throws {
    let members = FolderMembers(rows)
    let (kept, searched) = (
      try members.places(below: folders.kept, of: file),
      try members.places(below: folders.searched, of: file)
    )
    guard kept.isDisjoint(with: searched) else {
      throw InputError.invalidSetting(
        name: "--across", expected: "two folders of which neither is in the other",
        found: "\(folders.kept) and \(folders.searched)")
    }
    var (withKept, without): ([[Int]], [[Int]]) = ([], [])
    for set in Self(files, places: kept.union(searched).sorted()).all {
      if let first = set.first(where: kept.contains) {
        withKept.append([first] + set.filter(searched.contains))
      } else {
        without.append(set)
      }
    }
    all = withKept + without
    keptCount = withKept.count
  }
}

/// Which rows lie below a folder, by whatever path either is named.
private struct FolderMembers {
  private let rows: OrderedRows
  private let folders: [String]

  init(_ rows: OrderedRows) {
    self.rows = rows
    var known: [String: String] = [:]
    folders = (0..<rows.count).map { place in
      let folder = PathParts(rows[place].path).folder
      if let whole = known[folder] { return whole }
      let whole = FileIdentity.realPath(folder.isEmpty ? "." : folder) ?? folder
      known[folder] = whole
      return whole
    }
  }

  func places(below folder: String, of file: String) throws -> Set<Int> {
    guard let whole = FileIdentity.realPath(folder), FileIdentity(path: folder)?.isFolder == true
    else {
      throw InputError.invalidSetting(name: "--across", expected: "a folder", found: folder)
    }
    let found = folders.indices.filter {
      folders[$0] == whole || whole == "/" || folders[$0].hasPrefix(whole + "/")
    }
    guard !found.isEmpty else {
      throw EmbeddingError.noRowsInFolder(path: file, folder: folder)
    }
    return Set(found)
  }
}

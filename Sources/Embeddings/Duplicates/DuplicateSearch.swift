import Files
import Foundation
import Pictures
import Torch

/// Finds the copies among the pictures of an embedding file: first the files of equal bytes, then those whose embeddings
/// are near and whose pictures agree.
///
/// Embeddings propose, and among up to 20,000 pictures what is light and dark in them; pixels decide: each picture's
/// nearest others are looked at, and are copies where the pictures agree once one is laid over the other, mirrored, cut
/// or framed. Where a picture cannot be looked at (a frame of a video, a file that is not there or cannot be read)
/// embeddings decide, and nothing could go for that. The answer does not depend on the order of the file's rows: they
/// are put into the order of their paths first.
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

  /// What decides that two pictures are copies, other than their bytes.
  public enum Confirmation: String, CaseIterable, Codable, Sendable {
    /// The pictures themselves, which embeddings propose.
    case pixels
    /// Nothing but the cosine of their embeddings. What was changed after it was embedded could not go for that.
    case none
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

  /// The least cosine of copies where embeddings decide.
  public var threshold = DuplicateGroups.defaultThreshold
  public var confirmation = Confirmation.pixels
  /// The least agreement of pictures that are copies, above 0, at most 1.
  public var leastAgreement = Self.defaultAgreement
  public var link = DuplicateGroups.Link.star
  public var keep = Keep.first
  public var across: Folders?

  /// The least agreement of copies where nothing is said: see decision 68.
  public static let defaultAgreement = ConfirmedPairs.defaultLeast

  private let file: EmbeddingFile
  private let decoder: ImageDecoder

  public init(_ file: EmbeddingFile, decoder: ImageDecoder = ImageDecoder()) {
    self.file = file
    self.decoder = decoder
  }

  /// Searches the file, and looks at the pictures that are copies.
  ///
  /// - Throws: `InputError.invalidSetting`; `EmbeddingError.malformedEmbeddings` for embeddings without pooling,
  ///   `.tooManyPairs`, `.noRowsInFolder`; `ImageError.noRoomForThreads`, `.noRoomForBatch`.
  public func run() throws -> DuplicateReport {
    try DuplicateGroups.check(threshold)
    try DuplicateGroups.check(leastAgreement, name: "agreement")
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
    let changes = ChangedRows(rows, files, since: file.path)
    let (found, unsure) =
      confirmation == .pixels
      ? try confirmed(among: search, of: sets, rows, progress)
      : (try near(among: search, of: sets, rows, progress), changes.count)
    progress.begin("looking at the copies")
    let grouped = Set(found.groups.flatMap(\.rows))
    let alone = sets.all.indices.filter { !grouped.contains($0) && sets.all[$0].count > 1 }
      .map { DuplicateGroups.Group(rows: [$0], similarities: [1]) }
    var groups: [[PlacedMember]] = []
    for group in found.groups + alone where across == nil || group.rows[0] < sets.keptCount {
      groups.append(members(of: group, sets, rows, files, changes))
    }
    groups.sort { (one: [PlacedMember], other: [PlacedMember]) -> Bool in
      one.count == other.count ? one[0].place < other[0].place : one.count > other.count
    }
    return DuplicateReport(
      of: self, embeddings: file.path, rows: file.rows.count, missing: rows.missingCount,
      unsure: unsure, groups: groups.map { group in group.map { $0.member } })
  }

  /// Groups by embeddings alone.
  private func near(
    among search: SimilaritySearch, of sets: EqualSets, _ rows: OrderedRows,
    _ progress: WorkProgress
  ) throws -> DuplicateGroups {
    guard across == nil else {
      return try DuplicateGroups(
        among: search, acrossRow: sets.keptCount, threshold: threshold, progress: progress)
    }
    return try DuplicateGroups(
      among: search, threshold: threshold, link: link,
      preference: keep == .first ? nil : { preferred($0, of: sets, rows) }, progress: progress)
  }

  /// Groups by what the pictures show, and how many rows' pictures could not be looked at.
  private func confirmed(
    among search: SimilaritySearch, of sets: EqualSets, _ rows: OrderedRows,
    _ progress: WorkProgress
  ) throws -> (groups: DuplicateGroups, unsure: Int) {
    let candidates = try CandidatePairs(
      among: search, threshold: threshold, acrossRow: across == nil ? nil : sets.keptCount,
      hasPicture: sets.all.map { rows.isPicture($0[0]) }, progress: progress)
    let pictures = sets.all.indices.filter { rows.isPicture(sets.all[$0][0]) }
    let looked =
      pictures.count <= LookAlikes.mostPictures
      ? pictures : Set(candidates.proposed.flatMap { [$0.first, $0.second] }).sorted()
    let sketches = try PictureSketches(
      of: looked.map { ($0, rows[sets.all[$0][0]].path) }, decoder: decoder, progress: progress)
    var pairs = ConfirmedPairs(
      candidates,
      alike: LookAlikes(sketches, acrossRow: across == nil ? nil : sets.keptCount),
      sketches: sketches, least: leastAgreement,
      similarity: DuplicateGroups.least(threshold, isCentred: search.isCentred),
      progress: progress)
    let groups =
      across == nil
      ? try pairs.groups(
        link, preferring: keep == .first ? pairs.rows : preferred(pairs.rows, of: sets, rows),
        among: search)
      : pairs.groups(acrossRow: sets.keptCount, among: search)
    let unsure =
      (0..<rows.count).count { !rows.isPicture($0) } + looked.count { !sketches.has($0) }
    return (
      DuplicateGroups(threshold: threshold, rowCount: search.count, groups: groups), unsure
    )
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
    of group: DuplicateGroups.Group, _ sets: EqualSets, _ rows: OrderedRows, _ files: EqualFiles,
    _ changes: ChangedRows
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
        let agreement = what == .near || what == .chained ? group.agreements[number] : nil
        let isUnsure =
          what == .near
          && (confirmation == .pixels
            ? agreement == nil : changes.contains(place) || changes.contains(kept))
        let facts = isPicture ? PictureFacts(ofFile: rows[place].path, decoder: decoder) : nil
        let member = DuplicateReport.Member(
          row: rows.numbers[place], path: rows[place].path, frame: rows[place].frame,
          similarity: similarity, agreement: agreement, relation: what,
          canGo: what.isCopy && !isUnsure && isPicture && rows.isPicture(kept)
            && !FileIdentity.isLink(rows[place].path),
          isMissing: rows.isMissing(place), width: facts?.width, height: facts?.height,
          bytes: facts?.byteCount, hardLinks: files.facts[place]?.linkCount, isUnsure: isUnsure)
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

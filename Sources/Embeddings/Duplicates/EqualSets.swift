import Files

/// The places of rows whose files hold the same bytes, in sets of one or more; of each set the first stands for all.
struct EqualSets {
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

import Files

/// Which rows lie below a folder, by whatever path either is named.
///
/// Paths are compared by their bytes: to the file system two spellings of one letter are two names.
struct FolderMembers {
  private let folders: [[UInt8]]

  init(_ rows: OrderedRows) {
    var known: [[UInt8]: [UInt8]] = [:]
    folders = (0..<rows.count).map { place in
      let folder = PathParts(rows[place].path).folder
      let key = Array(folder.utf8)
      if let whole = known[key] { return whole }
      let whole = Array((FileIdentity.realPath(folder.isEmpty ? "." : folder) ?? folder).utf8)
      known[key] = whole
      return whole
    }
  }

  /// The places of the rows in a folder or below it.
  ///
  /// - Parameters:
  ///   - folder: its path.
  ///   - file: the file of embeddings, for the error.
  /// - Throws: `InputError.invalidSetting` for what is no folder; `EmbeddingError.noRowsInFolder`.
  func places(below folder: String, of file: String) throws -> Set<Int> {
    guard let path = FileIdentity.realPath(folder), FileIdentity(path: folder)?.isFolder == true
    else {
      throw InputError.invalidSetting(name: "--across", expected: "a folder", found: folder)
    }
    let whole = Array(path.utf8)
    let prefix = path == "/" ? whole : whole + Array("/".utf8)
    let found = folders.indices.filter {
      folders[$0] == whole || folders[$0].starts(with: prefix)
    }
    guard !found.isEmpty else {
      throw EmbeddingError.noRowsInFolder(path: file, folder: folder)
    }
    return Set(found)
  }
}

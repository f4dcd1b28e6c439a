import Files
import Foundation
import Pictures

/// `OUTPUT.unfinished/`: the parts of an export until all of them are on the disk, and how far they are.
///
/// A process that is killed leaves the folder; `state.json` in it is replaced only after the parts that it
/// counts are on the disk, so that another process goes on from it and writes the same bytes. One process
/// at a time.
final class UnfinishedExport {
  /// How far an export is.
  struct State: Codable {
    /// What the bytes depend on.
    var settings: [String: String]
    var position = ImagePosition()
    var rowCount = 0
    /// The bytes of each part that belong to these rows.
    var byteCounts: [String: Int] = [:]
    var failureCount = 0
    /// What was said of the first pictures that could not be read.
    var failures: [String] = []
    /// Set when every row is written: what remains is to give these parts their names, in this order.
    var publications: [Publication]?
  }

  /// A part that gets its name.
  struct Publication: Codable, Equatable {
    let part: String
    let path: String
  }

  let folder: String
  private(set) var state: State
  /// Whether an earlier process began it.
  let isContinued: Bool
  private var parts: [ExportPart] = []
  private var marks: [String: Int] = [:]
  private let lock: Int32

  private static let stateName = "state.json"

  /// Opens the folder, or makes it.
  ///
  /// - Throws: `EmbeddingError.unfinishedExport` where there is one and `isResuming` is false,
  ///   `.cannotResume` where it was begun with other settings, `.exportInUse`; `FileError`, `RunError`.
  init(_ folder: String, settings: [String: String], isResuming: Bool) throws {
    self.folder = folder
    state = State(settings: settings)
    if mkdir(folder, 0o777) != 0, errno != EEXIST {
      throw FileError.failure(errno, operation: "create", folder)
    }
    lock = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard lock >= 0 else {
      throw FileError.failure(errno, operation: "write to", folder)
    }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw EmbeddingError.exportInUse(path: folder)
    }
    let statePath = "\(folder)/\(Self.stateName)"
    isContinued = FileManager.default.fileExists(atPath: statePath)
    guard isContinued else { return }
    let found = try JSONFile.read(State.self, from: statePath)
    guard isResuming else {
      throw EmbeddingError.unfinishedExport(path: folder, rows: found.rowCount)
    }
    let differences = Set(settings.keys).union(found.settings.keys).sorted().filter {
      settings[$0] != found.settings[$0]
    }
    guard differences.isEmpty else {
      throw EmbeddingError.cannotResume(
        path: folder,
        differences: differences.map {
          "\($0) was \(found.settings[$0] ?? "none"), now \(settings[$0] ?? "none")"
        })
    }
    state = found
  }

  deinit {
    // An export that has nothing to go on from leaves nothing.
    if !FileManager.default.fileExists(atPath: "\(folder)/\(Self.stateName)") { remove() }
    close(lock)
  }

  /// The part called `name`, cut to what the state counts of it.
  func part(_ name: String) throws -> ExportPart {
    let part = try ExportPart(name, in: folder, keeping: state.byteCounts[name] ?? 0)
    parts.append(part)
    return part
  }

  /// A part that is made from others when these are complete, so that it begins anew each time.
  func assembled(_ name: String) throws -> ExportPart {
    let part = try ExportPart(name, in: folder, keeping: 0)
    parts.append(part)
    return part
  }

  /// Marks that the parts hold whole rows now, and the same ones.
  func mark() {
    for part in parts { marks[part.name] = part.byteCount }
  }

  /// Puts the parts on the disk, and then what they hold up to the last mark.
  func save(_ change: (inout State) -> Void) throws {
    for part in parts { try part.synchronize() }
    state.byteCounts.merge(marks) { $1 }
    change(&state)
    try JSONFile.write(state, to: "\(folder)/\(Self.stateName)")
  }

  /// Gives the parts their names, one by one, and removes the folder. What stands under the last name is
  /// removed first: it would not belong to the others.
  func publish(_ publications: [Publication]) throws {
    try save { $0.publications = publications }
    try publishRest()
  }

  /// Goes on with `publish`, perhaps of an earlier process.
  func publishRest() throws {
    guard let publications = state.publications, let last = publications.last else { return }
    if FileManager.default.fileExists(atPath: "\(folder)/\(last.part)") { unlink(last.path) }
    for publication in publications {
      let part = "\(folder)/\(publication.part)"
      // One that is gone was given its name before.
      guard FileManager.default.fileExists(atPath: part) else { continue }
      try makeFolder(of: publication.path)
      guard rename(part, publication.path) == 0 else {
        throw FileError.failure(errno, operation: "rename", publication.path)
      }
      synchronizeFolder(of: publication.path)
    }
    remove()
  }

  private func makeFolder(of path: String) throws {
    let parent = PathParts(path).folder
    if !parent.isEmpty, mkdir(parent, 0o777) != 0, errno != EEXIST {
      throw FileError.failure(errno, operation: "create", parent)
    }
  }

  private func synchronizeFolder(of path: String) {
    let parent = PathParts(path).folder
    let descriptor = open(parent.isEmpty ? "." : parent, O_RDONLY)
    guard descriptor >= 0 else { return }
    // Some file systems cannot synchronize a folder; the file itself is safe by now.
    fsync(descriptor)
    close(descriptor)
  }

  private func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

import Files
import Foundation

/// The stages in which a checkpoint comes to be, each a step from one consistent folder to another.
///
/// Killed before `adopt`, the run keeps its earlier checkpoints; after it, it has the new one too.
/// `RunFolder` mends the rest when it is opened: whatever is called `….writing` is removed, a
/// `….replaced` checkpoint without its successor gets its name back, and `latest` is pointed anew.
struct CheckpointWriter {
  static let writingSuffix = DurableFile.writingSuffix
  static let replacedSuffix = ".replaced"
  static let latestName = "latest"
  /// Bytes that a path within the run's folder is longer than the folder's own, at most: a checkpoint's name, a
  /// file's, and what both are called while they are written.
  static let longestName = 128

  let run: String
  let step: Int

  private var name: String { Checkpoint.folderName(step: step) }
  /// Where the checkpoint is written.
  var temporaryPath: String { "\(run)/\(name)\(Self.writingSuffix)" }
  /// Where it is once it is finished.
  var path: String { "\(run)/\(name)" }

  /// Makes an empty folder to write into.
  func prepare() throws {
    try DurableFile.remove(temporaryPath)
    try DurableFile.makeFolder(temporaryPath)
  }

  /// Waits until the disk has every file, and lists them in the manifest.
  func seal() throws {
    let manifest = try CheckpointManifest(ofFolder: temporaryPath, step: step)
    try JSONFile.write(manifest, to: "\(temporaryPath)/\(CheckpointManifest.name)")
  }

  /// Gives the finished folder its name. One that was there already (a run that stopped where it
  /// had saved) steps aside first.
  func adopt() throws {
    let replaced = path + Self.replacedSuffix
    let replaces = DurableFile.isFolder(path)
    if replaces {
      try DurableFile.remove(replaced)
      try DurableFile.rename(path, to: replaced)
    }
    try DurableFile.rename(temporaryPath, to: path)
    try DurableFile.synchronizeFile(run)
    if replaces { try DurableFile.remove(replaced) }
  }

  /// Points `latest` at this checkpoint.
  func pointLatest() throws {
    let link = "\(run)/\(Self.latestName)"
    let temporary = link + Self.writingSuffix
    try DurableFile.remove(temporary)
    guard symlink(name, temporary) == 0 else {
      throw FileError.failure(errno, operation: "make the link", temporary)
    }
    try DurableFile.rename(temporary, to: link)
    try DurableFile.synchronizeFile(run)
  }

  /// Removes all but the newest `keep` checkpoints and this one. The name goes first, so that none
  /// is ever seen half removed.
  func prune(keep: Int) throws {
    let steps = Checkpoint.steps(among: try DurableFile.names(in: run), in: run)
    for old in steps.dropLast(keep) where old != step {
      try Self.remove(step: old, in: run)
    }
  }

  static func remove(step: Int, in run: String) throws {
    let path = "\(run)/\(Checkpoint.folderName(step: step))"
    try DurableFile.rename(path, to: path + writingSuffix)
    try DurableFile.remove(path + writingSuffix)
  }

  /// Brings a run folder whose writer was killed back to a consistent state.
  ///
  /// - Returns: what was removed or renamed, for the log.
  static func recover(_ run: String) throws -> [String] {
    var mended: [String] = []
    for name in try DurableFile.names(in: run) {
      if name.hasSuffix(writingSuffix) {
        try DurableFile.remove("\(run)/\(name)")
        mended.append(name)
      } else if name.hasSuffix(replacedSuffix) {
        let original = "\(run)/\(name.dropLast(replacedSuffix.count))"
        if DurableFile.isFolder(original) {
          try DurableFile.remove("\(run)/\(name)")
        } else {
          try DurableFile.rename("\(run)/\(name)", to: original)
        }
        mended.append(name)
      }
    }
    if let step = Checkpoint.steps(among: try DurableFile.names(in: run), in: run).last {
      let link = "\(run)/\(latestName)"
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
      if target != Checkpoint.folderName(step: step) {
        try CheckpointWriter(run: run, step: step).pointLatest()
        mended.append(latestName)
      }
    }
    return mended
  }
}

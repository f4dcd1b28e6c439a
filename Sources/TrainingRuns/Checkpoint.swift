import Files
import Foundation

/// A finished checkpoint: a folder `step-0010000` with a manifest of the files in it.
public struct Checkpoint: Equatable, Sendable {
  /// The step folder's path.
  public let path: String
  /// How many optimizer steps it holds the result of.
  public let step: Int

  package init(path: String, step: Int) {
    self.path = path
    self.step = step
  }

  /// That of a step in the run folder `run`, whether or not there is one.
  package init(step: Int, ofRun run: String) {
    self.init(path: "\(run)/\(Self.folderName(step: step))", step: step)
  }

  /// The path of the file called `name` in this checkpoint, whether or not there is one.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// The CRC-32C of the file called `name`, as its manifest has it: eight hexadecimal digits.
  ///
  /// - Throws: `RunError.damagedCheckpoint` where the manifest lists no such file;
  ///   `FileError.invalidJSON`, `.failed`.
  public func checksum(of name: String) throws -> String {
    guard let file = try CheckpointManifest.read(from: path).files.first(where: { $0.name == name })
    else { throw RunError.damagedCheckpoint(file: file(name), damage: .missing, intact: nil) }
    return file.crc32c
  }

  /// Changes with every file that its manifest lists: hexadecimal digits.
  ///
  /// - Throws: `FileError.invalidJSON`, `.failed`.
  package var fingerprint: String {
    get throws {
      var fingerprint = Fingerprint()
      for file in try CheckpointManifest.read(from: path).files {
        fingerprint.add("\(file.name) \(file.crc32c) ".utf8)
      }
      return String(fingerprint.value, radix: 16)
    }
  }

  /// The CRC-32C of a file that was put into the checkpoint later, as it is now; nil where there is none.
  ///
  /// - Throws: `FileError.failed`.
  public func checksum(ofAddition name: String) throws -> String? {
    guard FileManager.default.fileExists(atPath: file(name)) else { return nil }
    return try CheckpointManifest.file(name, in: path).crc32c
  }

  /// Puts a value into the finished checkpoint as a JSON file, in place of one of that name.
  ///
  /// The manifest is about what was there when the checkpoint was made: it lists the file no longer.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  public func put(_ value: some Encodable, as name: String, isCompact: Bool = false) throws {
    var manifest = try CheckpointManifest.read(from: path)
    let count = manifest.files.count
    manifest.files.removeAll { $0.name == name }
    // First, so that a crash in between leaves no checkpoint that seems damaged.
    if manifest.files.count < count {
      try JSONFile.write(manifest, to: file(CheckpointManifest.name))
    }
    try JSONFile.write(value, to: file(name), isCompact: isCompact)
  }

  /// The checkpoint at `path`: a step folder, or a run folder, whose newest it is.
  ///
  /// - Parameters:
  ///   - path: of the folder.
  ///   - verifying: whether every file is read and compared with the manifest.
  /// - Throws: `RunError.damagedCheckpoint` naming the file, `.noCheckpoint`, `.notARun`,
  ///   `FileError.invalidJSON`, `.failed`.
  public static func open(at path: String, verifying: Bool = true) throws -> Checkpoint {
    let names = try DurableFile.names(in: path)
    if !names.contains(CheckpointManifest.name) {
      if let step = Self.steps(among: names, in: path).last {
        return try open(at: "\(path)/\(folderName(step: step))", verifying: verifying)
      }
      if names.contains(RunFolder.configurationName) { throw RunError.noCheckpoint(path: path) }
      if Self.isPublishedModel(names) { throw RunError.notImported(path: path) }
      guard Self.step(ofFolder: PathParts(path).name) != nil else {
        throw RunError.notARun(path: path, missing: CheckpointManifest.name)
      }
      throw RunError.damagedCheckpoint(
        file: "\(path)/\(CheckpointManifest.name)", damage: .missing,
        intact: intactNeighbour(of: path))
    }
    let manifest = try CheckpointManifest.read(from: path)
    let checkpoint = Checkpoint(path: path, step: manifest.step)
    if verifying, let (file, damage) = try manifest.firstDamage(in: path) {
      throw RunError.damagedCheckpoint(
        file: checkpoint.file(file), damage: damage, intact: intactNeighbour(of: path))
    }
    return checkpoint
  }

  /// Whether a folder of these files is one of a published model: its description and its weights.
  private static func isPublishedModel(_ names: [String]) -> Bool {
    names.contains("config.json")
      && names.contains { name in
        ["safetensors", "bin", "pth", "pt"].contains(PathParts(name).ending)
          || name.hasSuffix(".safetensors.index.json")
      }
  }

  /// Makes a checkpoint outside of any run: a folder that is there when it is complete, and not before.
  ///
  /// - Parameters:
  ///   - folder: where it will be; nothing, or an empty folder, may be there now.
  ///   - step: the number of updates that its manifest says.
  ///   - write: is given a folder to write files into.
  /// - Throws: `RunError.outputOccupied`; `FileError.diskFull`, `.failed`, and what `write` throws.
  public static func publish(
    at folder: String, step: Int = 0, write: (_ temporaryPath: String) throws -> Void
  ) throws -> Checkpoint {
    let path = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    if FileManager.default.fileExists(atPath: path) {
      guard DurableFile.isFolder(path), try DurableFile.names(in: path).isEmpty else {
        throw RunError.outputOccupied(path: path)
      }
    }
    let temporary = path + CheckpointWriter.writingSuffix
    try DurableFile.remove(temporary)
    try DurableFile.makeFolder(temporary)
    do {
      try write(temporary)
      let manifest = try CheckpointManifest(ofFolder: temporary, step: step)
      try JSONFile.write(manifest, to: "\(temporary)/\(CheckpointManifest.name)")
      try DurableFile.remove(path)
      try DurableFile.rename(temporary, to: path)
    } catch {
      try? DurableFile.remove(temporary)
      throw error
    }
    try DurableFile.synchronizeFile(PathParts(path).folder)
    return Checkpoint(path: path, step: step)
  }

  /// The newest other checkpoint beside the one at `path` whose files are as they were written.
  private static func intactNeighbour(of path: String) -> String? {
    let resolved = PathParts(URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
    let run = resolved.folder
    guard let names = try? DurableFile.names(in: run) else { return nil }
    return steps(among: names, in: run).reversed().map(folderName(step:))
      .first { name in
        guard name != resolved.name,
          let manifest = try? CheckpointManifest.read(from: "\(run)/\(name)")
        else { return false }
        do {
          return try manifest.firstDamage(in: "\(run)/\(name)") == nil
        } catch {
          return false
        }
      }
      .map { "\(run)/\($0)" }
  }

  /// `step-0010000`
  static func folderName(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 7 - digits.count)) + digits
  }

  /// The step of a folder called `name`, where it is the name of a finished checkpoint.
  static func step(ofFolder name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0,
      folderName(step: step) == name
    else { return nil }
    return step
  }

  /// The steps of the finished checkpoints among the `names` in the folder `path`, in order.
  static func steps(among names: [String], in path: String) -> [Int] {
    names.compactMap { name in
      step(ofFolder: name).flatMap { DurableFile.isFolder("\(path)/\(name)") ? $0 : nil }
    }.sorted()
  }
}

/// What a checkpoint's folder holds: `manifest.json`.
struct CheckpointManifest: Codable, Equatable {
  static let name = "manifest.json"

  struct File: Codable, Equatable {
    let name: String
    let bytes: Int
    /// CRC-32C as eight hexadecimal digits.
    let crc32c: String
  }

  let step: Int
  var files: [File]

  /// Lists what is in the folder `path`, folders within it included, after all of it is on the disk.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  init(ofFolder path: String, step: Int) throws {
    var files: [File] = []
    let names = (try FileManager.default.subpathsOfDirectory(atPath: path)).sorted()
    for name in names where name != Self.name {
      try DurableFile.synchronizeFile("\(path)/\(name)")
      guard !DurableFile.isFolder("\(path)/\(name)") else { continue }
      files.append(try Self.file(name, in: path))
    }
    self.step = step
    self.files = files
  }

  static func read(from path: String) throws -> CheckpointManifest {
    try JSONFile.read(CheckpointManifest.self, from: "\(path)/\(name)")
  }

  /// The first file of the folder `path` that is not as it was written.
  ///
  /// - Throws: `FileError.failed` where a file is there and cannot be read.
  func firstDamage(in path: String) throws -> (file: String, damage: FileDamage)? {
    for file in files {
      guard FileManager.default.fileExists(atPath: "\(path)/\(file.name)") else {
        return (file.name, .missing)
      }
      let found = try Self.file(file.name, in: path)
      if found.bytes != file.bytes {
        return (file.name, .size(expected: file.bytes, found: found.bytes))
      }
      if found.crc32c != file.crc32c {
        return (file.name, .checksum(expected: file.crc32c, found: found.crc32c))
      }
    }
    return nil
  }

  fileprivate static func file(_ name: String, in path: String) throws -> File {
    let (bytes, crc) = try DurableFile.checksum(of: "\(path)/\(name)")
    let digits = String(crc, radix: 16)
    return File(
      name: name, bytes: bytes,
      crc32c: String(repeating: "0", count: 8 - digits.count) + digits)
  }
}

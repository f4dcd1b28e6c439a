import Files
import Foundation
import Logging

/// The folder of one training run, held open by the one process that writes to it.
///
/// ```
/// config.yaml       every setting
/// environment.json  one object per session: program, machine, data, seed
/// metrics.jsonl     one object per logged step; beside it TensorBoard event files
/// step-0010000/     a checkpoint, and its manifest.json
/// latest            a link to the newest checkpoint
/// ```
///
/// Every file and checkpoint is written under another name, synchronized with the disk and renamed.
public final class RunFolder: Sendable {
  static let configurationName = "config.yaml"
  static let environmentName = "environment.json"
  static let lockName = ".lock"

  /// The folder's path, as it was given.
  public let path: String
  private let lock: FolderLock
  private let logger: Logger

  /// Makes the folder of a new run.
  ///
  /// - Throws: `RunError.outputNotEmpty` where there is anything at `path`, `.inUse`;
  ///   `FileError.diskFull`, `.failed`.
  public static func create(
    at path: String, logger: Logger = Logger(label: "jepa")
  ) throws -> RunFolder {
    // Or a checkpoint could not be written when there is something to lose.
    guard path.utf8.count + CheckpointWriter.longestName < Int(PATH_MAX) else {
      throw FileError.failed(operation: "make the folder", path: path, code: ENAMETOOLONG)
    }
    try DurableFile.makeFolder(path)
    // Looked at before the lock is made, which would change a folder that is none of ours; and after,
    // when nobody else can fill it.
    _ = try leftovers(in: path)
    let folder = try RunFolder(path, logger)
    for name in try leftovers(in: path) { try DurableFile.remove("\(path)/\(name)") }
    return folder
  }

  /// What a process leaves that is killed before it has a run, beside its lock.
  ///
  /// - Throws: `RunError.outputNotEmpty` where there is anything else; `FileError.failed`.
  private static func leftovers(in path: String) throws -> [String] {
    let names = try DurableFile.names(in: path)
    let leftovers = names.filter {
      $0.hasPrefix(configurationName + ".") && $0.hasSuffix(CheckpointWriter.writingSuffix)
    }
    guard names.allSatisfy({ $0 == lockName || leftovers.contains($0) }) else {
      throw RunError.outputNotEmpty(path: path)
    }
    return leftovers
  }

  /// Opens the folder of an earlier run to go on with it, and removes what a killed process left.
  ///
  /// - Throws: `RunError.notARun`, `.inUse`; `FileError.diskFull`, `.failed`.
  public static func resume(
    at path: String, logger: Logger = Logger(label: "jepa")
  ) throws -> RunFolder {
    guard FileManager.default.fileExists(atPath: "\(path)/\(configurationName)") else {
      throw RunError.notARun(path: path, missing: configurationName)
    }
    let folder = try RunFolder(path, logger)
    let mended = try CheckpointWriter.recover(path)
    if !mended.isEmpty {
      logger.notice("\(path): cleared up after a stopped run: \(mended.joined(separator: ", "))")
    }
    return folder
  }

  private init(_ path: String, _ logger: Logger) throws {
    self.path = path
    self.logger = logger
    lock = try FolderLock(path)
  }

  /// Lets others write to the run while this object is still there: for a session whose thread never comes back.
  package func unlock() { lock.release() }

  // MARK: Configuration and environment

  /// Writes `configuration` to `config.yaml`.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  public func write(configuration: some RunConfiguration) throws {
    let yaml = try ConfigurationReader.yaml(of: configuration)
    try DurableFile.replace("\(path)/\(Self.configurationName)", with: yaml.utf8)
  }

  /// The configuration of the run at `path`, changed by `overrides`.
  ///
  /// - Throws: as `ConfigurationReader.read(_:file:overrides:isOfRun:)`.
  public static func configuration<Configuration: RunConfiguration>(
    _ type: Configuration.Type, at path: String, overrides: [String] = []
  ) throws -> Configuration {
    try ConfigurationReader.read(
      type, file: "\(path)/\(configurationName)", overrides: overrides, isOfRun: true)
  }

  /// Checks that a run may go on under `configuration`.
  ///
  /// - Parameters:
  ///   - configuration: the settings that it is to go on with.
  ///   - allowed: the paths of settings that may change, such as `duration`.
  /// - Throws: `RunError.configurationChanged` saying what differs; as `configuration(_:at:)`.
  public func checkResumable(
    with configuration: some RunConfiguration, allowing allowed: Set<String> = []
  ) throws {
    let earlier = try Self.configuration(Swift.type(of: configuration), at: path)
    let differences = try ConfigurationReader.differences(
      between: earlier, and: configuration, allowing: allowed)
    guard differences.isEmpty else {
      throw RunError.configurationChanged(path: path, differences: differences)
    }
  }

  /// Adds `environment` to `environment.json`, which holds one for each session.
  ///
  /// - Throws: `FileError.invalidJSON`, `.diskFull`, `.failed`.
  public func record(_ environment: RunEnvironment) throws {
    try JSONFile.write(
      try environments() + [environment], to: "\(path)/\(Self.environmentName)")
  }

  /// The environments of the sessions of this run so far, in order.
  ///
  /// - Throws: `FileError.invalidJSON`, `.failed`.
  public func environments() throws -> [RunEnvironment] {
    let file = "\(path)/\(Self.environmentName)"
    guard FileManager.default.fileExists(atPath: file) else { return [] }
    return try JSONFile.read([RunEnvironment].self, from: file)
  }

  // MARK: Checkpoints

  /// The newest checkpoint, its files compared with its manifest; nil where the run has not saved
  /// one.
  ///
  /// - Throws: `RunError.damagedCheckpoint`; `FileError.invalidJSON`, `.failed`.
  public func latestCheckpoint() throws -> Checkpoint? {
    do {
      return try Checkpoint.open(at: path)
    } catch RunError.noCheckpoint {
      return nil
    }
  }

  /// Saves a checkpoint, and removes the oldest.
  ///
  /// When this throws, the run's earlier checkpoints are as they were.
  ///
  /// - Parameters:
  ///   - step: how many optimizer steps were made. A checkpoint of the same step is replaced.
  ///   - keep: how many checkpoints the run keeps, this one included; at least 1.
  ///   - write: writes the checkpoint's files into the folder whose path it is given.
  /// - Returns: the finished checkpoint.
  /// - Throws: `FileError.diskFull`, `.failed`, and what `write` throws.
  @discardableResult
  public func publishCheckpoint(
    step: Int, keep: Int = 2, _ write: (_ temporaryFolder: String) throws -> Void
  ) throws -> Checkpoint {
    precondition(step >= 0, "a checkpoint's step is at least 0, not \(step)")
    precondition(keep >= 1, "a run keeps at least 1 checkpoint, not \(keep)")
    let writer = CheckpointWriter(run: path, step: step)
    do {
      try writer.prepare()
      try write(writer.temporaryPath)
      try writer.seal()
      try writer.adopt()
    } catch {
      // Asked before the unfinished files are gone, which makes room.
      let isFull = error.errorNumber == ENOSPC || isDiskFull
      try? DurableFile.remove(writer.temporaryPath)
      throw isFull ? FileError.diskFull(path: path) : error
    }
    try writer.pointLatest()
    do {
      try writer.prune(keep: keep)
    } catch {
      logger.warning("an old checkpoint stays: \(error)")
    }
    return Checkpoint(path: writer.path, step: step)
  }

  /// Whether next to nothing can be written. A writer of another library may report a full disk in
  /// any words, so the disk itself is asked.
  private var isDiskFull: Bool {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return false }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize) < 64 << 10
  }
}

/// A lock that the system releases when its process ends, however it ends.
private final class FolderLock: Sendable {
  private let descriptor: Int32

  init(_ folder: String) throws {
    let file = "\(folder)/\(RunFolder.lockName)"
    descriptor = try DurableFile.open(file, O_RDWR | O_CREAT, operation: "write")
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      guard code == EWOULDBLOCK else { throw FileError.failure(code, operation: "lock", file) }
      let text = (try? DurableFile.read(file)).map { String(decoding: $0, as: UTF8.self) }
      throw RunError.inUse(path: folder, process: text.flatMap { Int($0) })
    }
    ftruncate(descriptor, 0)
    try DurableFile.append("\(getpid())".utf8, to: descriptor, file)
  }

  /// Closing alone would leave the lock to a child process that is just being started.
  func release() { flock(descriptor, LOCK_UN) }

  deinit {
    release()
    close(descriptor)
  }
}

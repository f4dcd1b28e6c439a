import Files
import Foundation

/// The version of the program, as in CHANGELOG.md.
public enum ProgramVersion {
  public static let current = "0.1.0"
}

/// On what, with what and from what one session of a run was trained.
public struct RunEnvironment: Codable, Equatable, Sendable {
  /// The version of this program.
  public let version: String
  /// The commit of the source folder that the program was built in; nil elsewhere. Changes that
  /// were not committed do not show.
  public let gitCommit: String?
  /// The version of libtorch.
  public let torch: String
  /// Such as `cpu` or `cuda:0`.
  public let device: String
  /// Threads that one operation may use.
  public let threads: Int
  /// How many processes trained together; nil for one.
  public let processes: Int?
  /// A checksum over the list of training files.
  public let dataFingerprint: String
  /// What every random choice is made from.
  public let seed: UInt64
  /// The processor's name, and how many cores the program may use.
  public let processor: String
  public let cores: Int
  public let operatingSystem: String
  /// When the session began, ISO 8601 in UTC.
  public let started: String
  /// The step that the session began at.
  public let firstStep: Int
  /// The program and its arguments.
  public let commandLine: [String]

  /// Describes this process, and what the caller says.
  public init(
    torch: String, device: String, threads: Int, processes: Int? = nil, dataFingerprint: String,
    seed: UInt64, firstStep: Int = 0
  ) {
    self.processes = processes
    version = ProgramVersion.current
    gitCommit = Self.commit(ofSourceAround: Bundle.main.executablePath ?? "")
    self.torch = torch
    self.device = device
    self.threads = threads
    self.dataFingerprint = dataFingerprint
    self.seed = seed
    processor = Self.processorName
    cores = ProcessInfo.processInfo.activeProcessorCount
    operatingSystem = ProcessInfo.processInfo.operatingSystemVersionString
    started = Date().formatted(.iso8601)
    self.firstStep = firstStep
    commandLine = CommandLine.arguments
  }

  private static var processorName: String {
    #if canImport(Darwin)
      var size = 256
      var name = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0) == 0 else {
        return "unknown"
      }
      return String(decoding: name.prefix(while: { $0 != 0 }), as: UTF8.self)
    #else
      guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else {
        return "unknown"
      }
      // ARM's list of processors has no names.
      let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
      return line?.split(separator: ":", maxSplits: 1).last?
        .trimmingCharacters(in: .whitespaces) ?? "unknown"
    #endif
  }

  /// The commit that the package around the file `path` is at, read from git's own files: the
  /// program that trains need not find git.
  static func commit(ofSourceAround path: String) -> String? {
    var folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    while !FileManager.default.fileExists(atPath: "\(folder)/Package.swift") {
      guard folder.contains("/"), folder != "/" else { return nil }
      folder = PathParts(folder).folder
    }
    func contents(_ file: String) -> String? {
      try? String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(
        in: .whitespacesAndNewlines)
    }
    func resolve(_ path: String, in folder: String) -> String {
      path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
    var git = "\(folder)/.git"
    // In a worktree `.git` is a file that names the folder.
    if let pointer = contents(git), pointer.hasPrefix("gitdir: ") {
      git = resolve(String(pointer.dropFirst(8)), in: folder)
    }
    guard let head = contents("\(git)/HEAD") else { return nil }
    guard head.hasPrefix("ref: ") else { return head }
    let reference = String(head.dropFirst(5))
    let common = contents("\(git)/commondir").map { resolve($0, in: git) } ?? git
    if let commit = contents("\(common)/\(reference)") { return commit }
    return contents("\(common)/packed-refs")?.split(separator: "\n")
      .first { $0.hasSuffix(" \(reference)") }
      .map { String($0.prefix { $0 != " " }) }
  }
}

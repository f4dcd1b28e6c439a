import Foundation
import TestSupport
import Testing

/// The real `jepa` binary, run as a user runs it.
final class JepaProcess {
  /// What a finished process said.
  struct Result {
    let status: Int32
    let wasKilled: Bool
    let output: String
    let errors: String

    /// The lines on the standard error.
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
  }

  /// SwiftPM puts executables beside the test bundle.
  static let binary: String = {
    for path in [Bundle.main.bundlePath] + CommandLine.arguments {
      var folder = URL(fileURLWithPath: path)
      for _ in 0..<4 {
        let candidate = folder.appendingPathComponent("jepa").path
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder),
          !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: candidate)
        {
          return candidate
        }
        folder.deleteLastPathComponent()
      }
    }
    preconditionFailure("no jepa beside \(CommandLine.arguments[0]): swift build makes it")
  }()

  /// Settings that make a run take seconds.
  static let tiny = [
    "--threads", "1", "--set", "imageSize=32", "--set", "batchSize=4", "--set",
    "encoder.preset=conv-micro", "--set", "loader.workers=1",
  ]

  private let process = Process()
  private let output = TemporaryPath("output")
  private let errors = TemporaryPath("errors")

  /// Starts the program. Its output goes to files: a pipe that nobody reads would stop it.
  ///
  /// - Parameters:
  ///   - input: the file that is its standard input; nothing by default.
  ///   - fileLimit: KiB at which the system lets no file grow further, as on a full disk.
  ///   - searchPath: where it finds other programs; where the tests do by default.
  ///   - environment: variables that are set besides those of the tests.
  init(
    _ arguments: [String], in folder: String? = nil, input: String? = nil, fileLimit: Int? = nil,
    searchPath: String? = nil, environment: [String: String] = [:]
  ) throws {
    for path in [output.path, errors.path] {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    if let fileLimit {
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      let script = "ulimit -f \(fileLimit); exec \"$0\" \"$@\""
      process.arguments = ["-c", script, Self.binary] + arguments
    } else {
      process.executableURL = URL(fileURLWithPath: Self.binary)
      process.arguments = arguments
    }
    var environment = environment
    if let searchPath { environment["PATH"] = searchPath }
    // The tests hold the program, whose start has set this for them.
    let inherited = ProcessInfo.processInfo.environment.filter { $0.key != "GOMP_SPINCOUNT" }
    process.environment = inherited.merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    process.standardInput = input.flatMap(FileHandle.init(forReadingAtPath:)) ?? .nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: output.path)
    process.standardError = FileHandle(forWritingAtPath: errors.path)
    // The threads that tests run on block signals, and a child inherits that.
    var (stopping, before) = (sigset_t(), sigset_t())
    sigemptyset(&stopping)
    for signal in [SIGINT, SIGTERM] { sigaddset(&stopping, signal) }
    pthread_sigmask(SIG_UNBLOCK, &stopping, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// Runs the program to its end.
  static func run(
    _ arguments: [String], in folder: String? = nil, input: String? = nil, fileLimit: Int? = nil,
    searchPath: String? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    try JepaProcess(
      arguments, in: folder, input: input, fileLimit: fileLimit, searchPath: searchPath,
      environment: environment
    ).wait()
  }

  /// Whether anything was printed so far.
  var hasOutput: Bool { FileManager.default.contents(atPath: output.path)?.isEmpty == false }

  #if os(Linux)
    /// Has libc ask the system for every piece of memory from 64 KiB on, which nearly every tensor is: so that
    /// `endMemory` is felt by the next one.
    static let largePiecesFromTheSystem = ["MALLOC_MMAP_THRESHOLD_": "65536"]

    /// From here on the system gives the process no more memory.
    ///
    /// - Parameter left: bytes that it may still take beyond what it has; nil for none, whatever it gives back.
    func endMemory(leaving left: Int? = nil) throws {
      let status = try String(
        contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
      let taken = status.firstMatch(of: #/VmData:\s*(\d+) kB/#).flatMap { Int($0.1) } ?? 0
      let limit = left.map { (taken << 10) + $0 } ?? 1 << 20
      let prlimit = try Process.run(
        URL(fileURLWithPath: "/usr/bin/prlimit"),
        arguments: ["--pid", "\(process.processIdentifier)", "--data=\(limit):\(limit)"])
      prlimit.waitUntilExit()
      struct NothingIsLimited: Error { let status: Int32 }
      if prlimit.terminationStatus != 0 {
        throw NothingIsLimited(status: prlimit.terminationStatus)
      }
    }
  #endif

  var identifier: Int32 { process.processIdentifier }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits until `holds`, or the process ends, or a minute is over.
  func wait(until holds: () -> Bool) {
    let end = ContinuousClock.now + .seconds(60)
    while process.isRunning && !holds() && ContinuousClock.now < end { usleep(5000) }
  }

  func wait() -> Result {
    process.waitUntilExit()
    func text(_ path: String) -> String {
      (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
    return Result(
      status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: text(output.path), errors: text(errors.path))
  }
}

import Foundation
import Torch
import TrainingRuns

/// The other processes of `--processes`: the same command, started again with a launcher's variables.
///
/// They end with this one, however it ends: each reads a pipe that only this process writes to, and its end ends them.
final class OtherProcesses {
  private static let marker = "JEPA_STARTED_BY_JEPA"
  private var started: [(process: Process, pipe: Pipe)] = []

  /// Starts all but the first.
  ///
  /// - Parameter first: this process's place.
  init(of first: ProcessPlace) throws {
    guard let path = Bundle.main.executablePath else {
      throw CocoaError(.executableNotLoadable)
    }
    for rank in 1..<first.worldSize {
      var place = first
      (place.rank, place.localRank) = (rank, rank)
      let (process, pipe) = (Process(), Pipe())
      process.executableURL = URL(fileURLWithPath: path)
      process.arguments = Array(CommandLine.arguments.dropFirst())
      process.environment = ProcessInfo.processInfo.environment
        .merging(place.environment) { $1 }.merging([Self.marker: "1"]) { $1 }
      process.standardInput = pipe
      try process.run()
      started.append((process, pipe))
    }
  }

  /// Waits until all have ended, which is soon: the work is done.
  ///
  /// - Throws: `ProcessGroupError.endedBadly` for the first that ends with another status than that of a process which is
  ///   done or was asked to stop, or does not end.
  func wait(seconds: Double) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    for (index, other) in started.enumerated() {
      while other.process.isRunning, ContinuousClock.now < end { usleep(5000) }
      guard !other.process.isRunning else {
        throw ProcessGroupError.endedBadly(rank: index + 1, reason: .hung(seconds: seconds))
      }
      let status = other.process.terminationStatus
      let isSignal = other.process.terminationReason == .uncaughtSignal
      if isSignal || status != 0 && status != StopSignal.exitStatus {
        throw ProcessGroupError.endedBadly(
          rank: index + 1, reason: isSignal ? .signal(status) : .status(status))
      }
    }
  }

  /// Ends those that have not, also one that hangs.
  func end() {
    for other in started where other.process.isRunning {
      kill(other.process.processIdentifier, SIGKILL)
    }
    started = []
  }

  /// Whether this process is one of them; from then on it ends with the first.
  static let isOneOfThem: Bool = {
    guard ProcessInfo.processInfo.environment[marker] != nil else { return false }
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { _exit(1) }
      }
    }
    return true
  }()
}

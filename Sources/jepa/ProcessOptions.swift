import ArgumentParser
import Files
import Foundation
import Torch

/// How many processes a command is shared among: those that a launcher started, or that it starts itself.
struct ProcessOptions: ParsableArguments {
  @Option(
    help: """
      Compute in so many processes of this machine, which share its threads. Those of torchrun, \
      mpirun and srun find each other without.
      """)
  var processes: Int?

  @Option(help: "Seconds after which a process that does not answer is given up.")
  var timeout = ProcessGroup.usualTimeout

  func validate() throws {
    if let processes {
      guard (1...1024).contains(processes) else {
        throw ValidationError("--processes: expected 1 to 1024, found \(processes)")
      }
    }
    try OptionRange.check("--timeout", positive: timeout)
    guard timeout <= 1_000_000 else {
      throw ValidationError("--timeout: expected at most 1000000 seconds, found \(timeout)")
    }
  }

  /// Sets the threads of this process: those that are asked for, or its share of the machine's.
  static func setThreads(_ threads: Int?, in group: ProcessGroup?) {
    // What a launcher or the user sets is for each process.
    let isSet = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] != nil
    if let threads {
      Session.threadCount = threads
    } else if let group, !isSet {
      Session.threadCount = max(1, Session.threadCount / group.place.localSize)
    }
  }

  /// Runs `body` in all processes, with the group of them; nil where there is one.
  ///
  /// - Throws: `ToldByAnotherProcess` where `body` fails in several processes, after one of them told why.
  func run(_ body: @escaping (ProcessGroup?) throws -> Void) throws {
    guard let place = try ProcessPlace.inEnvironment() else {
      guard let processes, processes > 1 else { return try body(nil) }
      let store = try ProcessStore.keep(timeout: timeout)
      let place = ProcessPlace(
        rank: 0, worldSize: processes, localRank: 0, localSize: processes,
        address: "127.0.0.1", port: store.port)
      let others = try OtherProcesses(of: place)
      defer { others.end() }
      try run(body, at: place, store: store)
      return try others.wait(seconds: timeout)
    }
    if !OtherProcesses.isOneOfThem, processes != nil {
      throw ValidationError(
        "--processes: a launcher has started \(place.worldSize) processes already; expected none to start"
      )
    }
    if place.rank > 0 { StatusLine.standardError.mute(true) }
    try run(body, at: place, store: nil)
  }

  private func run(
    _ body: @escaping (ProcessGroup?) throws -> Void, at place: ProcessPlace, store: ProcessStore?
  ) throws {
    let group = try ProcessGroup(joining: place, store: store, timeout: timeout)
    do {
      // Of its own, so that it can fail in the middle of a sum, and the others are told.
      try Computation.run { try body(group) }
    } catch {
      let isTold = error is ToldByAnotherProcess
      group.leaveFailing(withReason: !isTold) { Jepa.tell(error) }
      throw ToldByAnotherProcess()
    }
  }
}

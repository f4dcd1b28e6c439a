import Foundation
import Testing

@testable import Files
@testable import TrainingRuns

private struct Settings: RunConfiguration {}

/// kill -9 between any two stages of a checkpoint, and at any moment of a run, leaves the last good
/// checkpoint. The writer that is killed is a child process.
@Suite struct CheckpointKillTests {
  private static func publish(_ step: Int, in folder: RunFolder) throws {
    try folder.publishCheckpoint(step: step, write(step))
  }

  private static func write(_ step: Int) -> (String) throws -> Void {
    { path in
      try JSONFile.write(RunProgress(step: step), to: "\(path)/state.json")
      try DurableFile.write(repeatElement(UInt8(step % 256), count: 100_000), to: "\(path)/model")
    }
  }

  /// Reopens the run and checks that it is consistent.
  ///
  /// - Returns: the step of its newest checkpoint.
  private func reopen(_ path: String) throws -> Int? {
    let folder = try RunFolder.resume(at: path)
    let checkpoint = try folder.latestCheckpoint()
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    #expect(!names.contains { $0.hasSuffix(".writing") || $0.hasSuffix(".replaced") })
    if let checkpoint {
      #expect(try Checkpoint.open(at: "\(path)/latest").step == checkpoint.step)
      let state = try JSONFile.read(RunProgress.self, from: checkpoint.file("state.json"))
      #expect(state.step == checkpoint.step)
    }
    try Self.publish((checkpoint?.step ?? 0) + 1, in: folder)
    return checkpoint?.step
  }

  /// How many of a checkpoint's stages the child gets through, with and without a checkpoint of the
  /// same step there, and which checkpoint is there afterwards.
  @Test(arguments: [
    (stages: 1, step: 2, expected: 1), (stages: 2, step: 2, expected: 1),
    (stages: 3, step: 2, expected: 1), (stages: 4, step: 2, expected: 2),
    (stages: 5, step: 2, expected: 2), (stages: 6, step: 2, expected: 2),
    (stages: 3, step: 1, expected: 1), (stages: 4, step: 1, expected: 1),
  ])
  func betweenStages(stages: Int, step: Int, expected: Int) async throws {
    let temporary = try TemporaryFolder()
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = temporary.path as String, stages, step] in
      let folder = try RunFolder.create(at: path)
      try folder.write(configuration: Settings())
      try Self.publish(1, in: folder)
      let writer = CheckpointWriter(run: path, step: step)
      let all: [() throws -> Void] = [
        writer.prepare, { try Self.write(step)(writer.temporaryPath) }, writer.seal,
        writer.adopt, writer.pointLatest, { try writer.prune(keep: 1) },
      ]
      for stage in all.prefix(stages) { try stage() }
      kill(getpid(), SIGKILL)
    }
    #expect(try reopen(temporary.path) == expected)
  }

  @Test func whileTheSameStepStandsAside() throws {
    let temporary = try TemporaryFolder()
    do {
      let folder = try RunFolder.create(at: temporary.path)
      try folder.write(configuration: Settings())
      try Self.publish(1, in: folder)
      let step = temporary.file("step-0000001")
      try DurableFile.rename(step, to: step + ".replaced")
    }
    #expect(try reopen(temporary.path) == 1)
  }

  @Test func whilePruning() throws {
    let temporary = try TemporaryFolder()
    do {
      let folder = try RunFolder.create(at: temporary.path)
      try folder.write(configuration: Settings())
      for step in 1...2 { try Self.publish(step, in: folder) }
      let step = temporary.file("step-0000001")
      try DurableFile.rename(step, to: step + ".writing")
      try DurableFile.remove(step + ".writing/model")
    }
    #expect(try reopen(temporary.path) == 2)
  }

  @Test(arguments: 0..<6)
  func atRandomMoments(seed: Int) async throws {
    let temporary = try TemporaryFolder()
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = temporary.path as String, seed] in
      let folder = try RunFolder.create(at: path)
      try folder.write(configuration: Settings())
      var generator = SeededGenerator(seed: UInt64(seed))
      let microseconds = UInt32(20_000 + generator.index(below: 600_000))
      Thread.detachNewThread {
        usleep(microseconds)
        kill(getpid(), SIGKILL)
      }
      for step in 1... {
        try Self.publish(step, in: folder)
      }
    }
    _ = try reopen(temporary.path)
  }
}

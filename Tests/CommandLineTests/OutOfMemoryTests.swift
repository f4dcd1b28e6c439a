#if os(Linux)
  import Foundation
  import TestSupport
  import Testing
  import TrainingRuns

  /// Memory that ends in the middle of the work: one line, status 1, and what was saved is gone on from.
  ///
  /// The system refuses every further request of the process from a moment on.
  @Suite struct OutOfMemoryTests {
    private static let steps = 40
    let material: TinyTraining

    init() throws { material = try TinyTraining() }

    /// Checks that a process ended with the status of an error.
    ///
    /// - Returns: the one line that says so.
    private func error(of result: JepaProcess.Result) throws -> String {
      #expect(result.status == 1 && !result.wasKilled, "\(result.errors)")
      let lines = result.errorLines.filter { $0.hasPrefix("jepa: error: ") }
      #expect(lines.count == 1 && lines.last == result.errorLines.last, "\(result.errors)")
      return try #require(lines.last, "\(result.errors)")
    }

    @Test(arguments: ["images", "video", "text", "text-baseline"])
    func trainingLeavesACheckpointThatGoesOn(kind: String) throws {
      let (whole, short) = (TemporaryPath("run"), TemporaryPath("run"))
      // Texts are so short that only a large batch is felt.
      let larger =
        kind.hasPrefix("text") ? ["--set", "batchSize=256", "--set", "model.width=32"] : []
      let training =
        try material.command(kind) + larger + ["--steps", "\(Self.steps)"]
        + ["--set", "logEverySteps=1", "--set", "checkpoint.everySteps=8", "--output"]
      let uninterrupted = try JepaProcess.run(training + [whole.path])
      #expect(uninterrupted.status == 0, "\(uninterrupted.errors)")

      let process = try JepaProcess(
        training + [short.path], environment: JepaProcess.largePiecesFromTheSystem)
      process.wait { loggedSteps(ofRun: short.path) >= 10 }
      try process.endMemory()
      let line = try error(of: process.wait())
      let checkpoint = try Checkpoint.open(at: short.path)
      #expect(checkpoint.step >= 8 && checkpoint.step < Self.steps)
      #expect(line.contains(#/out of memory on cpu: \w+ asked for [0-9.]+ [KM]iB\. /#), "\(line)")
      #expect(
        line.contains(
          "The last good checkpoint is \(checkpoint.path): --resume goes on from it."), "\(line)")
      #expect(line.hasSuffix("takes less memory."), "\(line)")

      let rest = try JepaProcess.run(training + [short.path, "--resume"])
      #expect(rest.status == 0, "\(rest.errors)")
      let expected = try lossCurve(ofRun: whole.path)
      #expect(expected.count == Self.steps)
      #expect(try lossCurve(ofRun: short.path) == expected)
    }

    @Test func anExportGoesOnToTheSameBytes() throws {
      let outputs = try #require(OutputTests.material)
      let pictures = try ColouredShapes(480)
      func embed(_ name: String) -> [String] {
        [
          "embed", pictures.path, "--checkpoint", outputs.model, "--output", outputs.path(name),
          "--batch", "16", "--workers", "1", "--threads", "1",
        ]
      }
      let process = try JepaProcess(
        embed("short.npy"), environment: JepaProcess.largePiecesFromTheSystem)
      // A few batches; the list of rows is written last.
      let rows = outputs.path("short.npy.unfinished/rows.csv")
      process.wait { (FileManager.default.contents(atPath: rows)?.count ?? 0) > 2000 }
      try process.endMemory()
      let line = try error(of: process.wait())
      let found = try #require(
        line.firstMatch(
          of:
            #/out of memory on cpu: .*: free memory, then go on with --resume: (\d+) embeddings are kept/#
        ),
        "\(line)")
      let kept = try #require(Int(found.1))
      #expect(kept >= 16 && kept < 480 && kept % 16 == 0)

      let resumed = try JepaProcess.run(embed("short.npy") + ["--resume"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(resumed.errors.contains("going on from row \(kept)"))
      #expect(try JepaProcess.run(embed("whole.npy")).status == 0)
      for ending in ["npy", "csv", "json"] {
        #expect(
          FileManager.default.contentsEqual(
            atPath: outputs.path("short.\(ending)"), andPath: outputs.path("whole.\(ending)")),
          "\(ending)")
      }
    }

    /// A command that knows nothing better to say: a planner between two prompts.
    @Test func everyCommandSaysSo() throws {
      let (run, pipe) = (TemporaryPath("run"), TemporaryPath("prompts"))
      let trained = try JepaProcess.run(
        material.command("text") + ["--steps", "1", "--output", run.path])
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(mkfifo(pipe.path, 0o600) == 0)
      // Open for reading too: nobody is sent SIGPIPE when the planner is gone.
      let descriptor = open(pipe.path, O_RDWR)
      defer { close(descriptor) }
      let process = try JepaProcess(
        ["plan", "--checkpoint", run.path, "--steps", "2"], input: pipe.path,
        environment: JepaProcess.largePiecesFromTheSystem)
      func ask(_ count: Int) {
        let lines = String(repeating: "1+1\n", count: count)
        #expect(write(descriptor, lines, lines.utf8.count) == lines.utf8.count)
      }
      ask(1)
      process.wait { process.hasOutput }
      try process.endMemory()
      ask(256)
      let result = process.wait()
      let line = try error(of: result)
      #expect(
        line.contains(
          #/^jepa: error: out of memory on cpu: \w+ asked for [0-9.]+ [KM]iB: free memory, or take less at once$/#
        ), "\(line)")
      #expect(result.output.count { $0 == "\n" } == 1)
    }

    /// Clips that are scored by then have their files.
    @Test func scoringNamesTheClip() throws {
      let (clips, run) = (TemporaryPath("clips"), TemporaryPath("run"))
      try MovingShapes.write(MovingShapes.frames(20, seed: 1), to: "\(clips.path)/first")
      try MovingShapes.write(MovingShapes.frames(400, seed: 2), to: "\(clips.path)/second")
      let trained = try JepaProcess.run(
        material.command("video") + ["--steps", "1", "--output", run.path])
      #expect(trained.status == 0, "\(trained.errors)")
      let process = try JepaProcess(
        [
          "score", "\(clips.path)/first", "\(clips.path)/second", "--checkpoint", run.path,
          "--threads", "1", "--csv", "\(clips.path)/scores.csv",
        ], environment: JepaProcess.largePiecesFromTheSystem)
      process.wait { FileManager.default.fileExists(atPath: "\(clips.path)/scores-first.csv") }
      try process.endMemory()
      let result = process.wait()
      #expect(result.status == 1 && !result.wasKilled, "\(result.errors)")
      #expect(
        result.errorLines.last?.hasPrefix(
          "jepa: \(clips.path)/second: out of memory on cpu: ") == true, "\(result.errors)")
      #expect(result.output.contains("1. \(clips.path)/first: "), "\(result.output)")
      #expect(!FileManager.default.fileExists(atPath: "\(clips.path)/scores-second.csv"))
    }
  }
#endif

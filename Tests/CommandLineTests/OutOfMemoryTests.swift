#if os(Linux)
  import Foundation
  import TestSupport
  import Testing
  import TrainingRuns
  import VideoJEPA

  /// Memory that ends in the middle of the work: one line, status 1, and what was saved is gone on from.
  ///
  /// The system refuses every further request of the process from a moment on.
  @Suite struct OutOfMemoryTests {
    /// More than a run makes while the limit is set, however busy the machine is.
    private static let steps = 120
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
      // What is asked for must be so much that the system is asked. Texts are short: many at once are.
      let larger: [String] =
        switch kind {
        case "images": ["--set", "imageSize=64"]
        case "video": []
        default: ["--set", "batchSize=256", "--set", "model.width=32"]
        }
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
      let (pictures, list) = (try ColouredShapes(480), TemporaryPath("list"))
      let names = try FileManager.default.subpathsOfDirectory(atPath: pictures.path).sorted()
        .filter { $0.hasSuffix(".png") || $0.hasSuffix(".jpg") }
        .map { "\(pictures.path)/\($0)\n" }.joined()
      try Data(names.utf8).write(to: URL(fileURLWithPath: list.path))
      func embed(_ name: String, from list: String) -> [String] {
        [
          "embed", "--files-from", list, "--checkpoint", outputs.model, "--output",
          outputs.path(name), "--batch", "128", "--workers", "1", "--threads", "1",
        ]
      }
      let stopped = try JepaProcess(embed("forgotten.npy", from: list.path))
      let rows = outputs.path("forgotten.npy.unfinished/rows.csv")
      stopped.wait { (FileManager.default.contents(atPath: rows)?.count ?? 0) > 1000 }
      stopped.send(SIGTERM)
      #expect(stopped.wait().status == 143)

      // The list is read when the model is there, and no batch yet.
      let pipe = try FilledPipe()
      let process = try JepaProcess(
        embed("forgotten.npy", from: "-") + ["--resume"], input: pipe.path)
      pipe.write(String(names.prefix(4000)))
      process.wait { pipe.isEmpty }
      // Enough for what is read and written, and not for a batch.
      try process.endMemory(leaving: 3 << 20)
      pipe.write(String(names.dropFirst(4000)))
      pipe.close()
      let line = try error(of: process.wait())
      let found = try #require(
        line.firstMatch(
          of:
            #/out of memory.*: free memory, then go on with --resume: (\d+) embeddings are kept$/#),
        "\(line)")
      let kept = try #require(Int(found.1))
      #expect(kept >= 128 && kept < 480 && kept % 128 == 0)

      let resumed = try JepaProcess.run(embed("forgotten.npy", from: list.path) + ["--resume"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(resumed.errors.contains("going on from row \(kept)"))
      #expect(try JepaProcess.run(embed("remembered.npy", from: list.path)).status == 0)
      for ending in ["npy", "csv", "json"] {
        #expect(
          FileManager.default.contentsEqual(
            atPath: outputs.path("forgotten.\(ending)"),
            andPath: outputs.path("remembered.\(ending)")),
          "\(ending)")
      }
    }

    /// A command that knows nothing better to say: a planner between two prompts.
    @Test func everyCommandSaysSo() throws {
      let (run, pipe) = (TemporaryPath("run"), try FilledPipe())
      let trained = try JepaProcess.run(
        material.command("text") + ["--steps", "1", "--output", run.path])
      #expect(trained.status == 0, "\(trained.errors)")
      let process = try JepaProcess(
        ["plan", "--checkpoint", run.path, "--steps", "2"], input: pipe.path,
        environment: JepaProcess.largePiecesFromTheSystem)
      pipe.write("1+1\n")
      process.wait { process.hasOutput }
      try process.endMemory(leaving: 512 << 10)
      pipe.write(String(repeating: "1+1\n", count: 256))
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
      try ConsistencyModel.write(sampleRule(), toCheckpoint: run.path)
      let process = try JepaProcess(
        [
          "score", "\(clips.path)/first", "\(clips.path)/second", "--checkpoint", run.path,
          "--threads", "1", "--csv", "\(clips.path)/scores.csv",
        ], environment: JepaProcess.largePiecesFromTheSystem)
      process.wait { FileManager.default.fileExists(atPath: "\(clips.path)/scores-first.csv") }
      // Frames are arrays of Swift's, which cannot fail: tensors take more than what is left for these.
      try process.endMemory(leaving: 1 << 20)
      let result = process.wait()
      #expect(result.status == 1 && !result.wasKilled, "\(result.errors)")
      #expect(
        result.errorLines.last?.hasPrefix(
          "jepa: \(clips.path)/second: out of memory on cpu: ") == true, "\(result.errors)")
      #expect(result.output.contains("1. \(clips.path)/first: "), "\(result.output)")
      #expect(!FileManager.default.fileExists(atPath: "\(clips.path)/scores-second.csv"))
    }
  }

  /// A named pipe that a process reads from.
  private final class FilledPipe {
    private let file = TemporaryPath("pipe")
    private let descriptor: Int32
    private var isOpen = true

    init() throws {
      struct NoPipe: Error { let number = errno }
      guard mkfifo(file.path, 0o600) == 0 else { throw NoPipe() }
      // Open for reading too: nobody is sent SIGPIPE when the reader is gone.
      descriptor = open(file.path, O_RDWR | O_CLOEXEC)
      guard descriptor >= 0 else { throw NoPipe() }
    }

    deinit { close() }

    var path: String { file.path }

    /// Whether all was read.
    var isEmpty: Bool {
      var left: Int32 = 0
      return ioctl(descriptor, UInt(FIONREAD), &left) == 0 && left == 0
    }

    /// - Precondition: what is in it stays below 64 KiB, or nobody may be there to read.
    func write(_ text: String) {
      let count = text.utf8.count
      #expect(Foundation.write(descriptor, text, count) == count)
    }

    /// Ends what the process reads.
    func close() {
      if isOpen { Foundation.close(descriptor) }
      isOpen = false
    }
  }
#endif

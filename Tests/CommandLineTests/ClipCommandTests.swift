import Foundation
import TestSupport
import Testing
import TrainingRuns
import VisionJEPA

/// `jepa train video` on generated clips, as a user runs it.
@Suite struct ClipCommandTests {
  let clips = TemporaryPath("clips")
  let run = TemporaryPath("run")

  init() throws {
    try MovingShapes.write(
      MovingShapes.frames(26, cuts: [12], seed: 1), to: clips.path + "/first")
    try MovingShapes.write(MovingShapes.frames(10, seed: 2), to: clips.path + "/second")
  }

  private func training(_ more: String..., on folder: String? = nil) -> [String] {
    ["train", "video", folder ?? clips.path, "--output", run.path, "--threads", "1"]
      + [
        "frameSize=32", "batchSize=2", "predictor.width=16", "tokenWidth=12", "loader.workers=1",
        "logEverySteps=1",
      ].flatMap { ["--set", $0] } + more
  }

  private func expectFailure(
    _ arguments: [String], saying message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 1 && !result.wasKilled, sourceLocation: sourceLocation)
    #expect(result.errorLines.last == "jepa: error: \(message)", sourceLocation: sourceLocation)
  }

  @Test func trainWritesARunAndResumesIt() throws {
    try Data("no video".utf8).write(to: URL(fileURLWithPath: clips.path + "/notes.txt"))
    let result = try JepaProcess.run(training("--steps", "3", "--synthetic", "0.5"))
    #expect(result.status == 0, "\(result.errors)")
    for line in [
      "\(clips.path)/first: 26 frames, cuts at 12", "\(clips.path)/second: 10 frames",
      "6 windows of 36 frames in 3 shots at 32 pixels",
    ] {
      #expect(result.errors.contains(line), "\(line) in \(result.errors)")
    }
    #expect(result.errors.contains("50 % of windows made up"))
    #expect(result.errors.contains("\(clips.path)/notes.txt: "), "what is no video is named")
    let names = try FileManager.default.contentsOfDirectory(atPath: run.path)
    for name in ["config.yaml", "environment.json", "metrics.jsonl", "latest", "step-0000003"] {
      #expect(names.contains(name))
    }
    #expect(names.contains { $0.hasPrefix("events.out.tfevents") })

    let longer = try JepaProcess.run(
      ["train", "video", clips.path, "--output", run.path, "--resume", "--steps", "5"])
    #expect(longer.status == 0, "\(longer.errors)")
    #expect(longer.errors.contains("going on from step 3\n"))
    #expect(try lossCurve(ofRun: run.path).count == 5)
    #expect(try ClipModel.load(from: run.path).frameSize == 32)
  }

  @Test func terminationSavesAndSaysHowToGoOn() throws {
    let process = try JepaProcess(training("--minutes", "5"))
    process.wait { loggedSteps(ofRun: run.path) > 2 }
    process.send(SIGTERM)
    let result = process.wait()
    #expect(result.status == 0 && !result.wasKilled, "\(result.errors)")
    #expect(
      result.errors.contains(
        "stopped by SIGTERM; go on with: jepa train video \(clips.path) --output \(run.path) --resume"
      ))
    let steps = try lossCurve(ofRun: run.path).count
    #expect(try Checkpoint.open(at: run.path).step == steps)
  }

  @Test func uselessFolders() throws {
    let nowhere = run.path + "-nowhere"
    try expectFailure(training(on: nowhere), saying: "\(nowhere): no such file or folder")
    let empty = TemporaryPath("empty")
    try FileManager.default.createDirectory(
      atPath: empty.path, withIntermediateDirectories: true)
    try expectFailure(
      training(on: empty.path),
      saying: "\(empty.path): the folder is empty, expected videos or folders of frames")
    try Data("hello".utf8).write(to: URL(fileURLWithPath: empty.path + "/a.txt"))
    try Data("hello".utf8).write(to: URL(fileURLWithPath: empty.path + "/b.txt"))
    try expectFailure(
      training(on: empty.path),
      saying: "\(empty.path): none of its 2 files is a video or a frame")
    try expectFailure(
      training("--set", "windowLength=16", on: clips.path),
      saying:
        "no shot is as long as a window: expected at least 16 frames without a cut, the longest "
        + "has 14; lower windowLength (at least 5) or add longer clips")
  }

  @Test func settingsAreRefusedBeforeAnythingIsMade() throws {
    try expectFailure(
      training("--set", "frameSize=30"),
      saying: "frameSize: a multiple of 8 from 16 to 1024 pixels, found 30")
    try expectFailure(
      training("--set", "optimizer.learning_rate=1"),
      saying: "--set: unknown key optimizer.learning_rate: did you mean optimizer.learningRate?")
    try expectFailure(
      training("--device", "cuda:99"),
      saying: "device cuda:99 is not available with this machine and this libtorch")
    try expectFailure(
      training("--resume"),
      saying: "\(run.path) is neither a run nor a checkpoint: it has no config.yaml")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }
}

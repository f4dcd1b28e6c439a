import Foundation
import Frames
import Pictures
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import VideoJEPA

/// `jepa train video`, `score` and `calibrate` on generated clips, as a user runs them.
@Suite struct ClipCommandTests {
  let clips = TemporaryPath("clips")
  let run = TemporaryPath("run")

  static let hasFFmpeg = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/ffmpeg") }

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
    // Only ffmpeg can tell that a file is no video.
    if Self.hasFFmpeg {
      try Data("no video".utf8).write(to: URL(fileURLWithPath: clips.path + "/notes.txt"))
    }
    let result = try JepaProcess.run(training("--steps", "3", "--synthetic", "0.5"))
    #expect(result.status == 0, "\(result.errors)")
    for line in [
      "\(clips.path)/first: 26 frames, cuts at 12", "\(clips.path)/second: 10 frames",
      "5 windows from 36 frames in 3 shots at 32 pixels",
    ] {
      #expect(result.errors.contains(line), "\(line) in \(result.errors)")
    }
    #expect(result.errors.contains("50 % of windows made up"))
    #expect(
      result.errors.contains("\(clips.path)/notes.txt: ") == Self.hasFFmpeg,
      "what is no video is named")
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
    #expect(result.status == 143 && !result.wasKilled, "\(result.errors)")
    #expect(
      result.errors.contains(
        "stopped by SIGTERM; go on with: \(JepaProcess.binary) train video \(clips.path) "
          + "--output \(run.path) --resume"
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
      saying: Self.hasFFmpeg
        ? "\(empty.path): none of its 2 files is a video or a frame"
        : "ffmpeg is not on PATH: install ffmpeg (apt-get install ffmpeg, or https://ffmpeg.org), "
          + "or give a folder of PNG or JPEG frames")
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
      saying: "device cuda:99 is not available: \(Device.cuda(99).reasonItIsUnavailable ?? "")")
    try expectFailure(
      training("--resume"),
      saying: "\(run.path) is neither a run nor a checkpoint: it has no config.yaml")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test func transitionsAreFittedForAModel() throws {
    let trained = try JepaProcess.run(training("--steps", "1"))
    #expect(trained.status == 0, "\(trained.errors)")
    let fitting = ["train", "transitions", "--clips", "12", "--steps", "20"]
    let fitted = try JepaProcess.run(fitting + ["--checkpoint", run.path])
    #expect(fitted.status == 0, "\(fitted.errors)")
    #expect(fitted.output.contains("other clips, rows what is so, columns what was named:"))
    #expect(try ClipModel.load(from: run.path).hypotheses != nil)
    let card = try JepaProcess.run(["inspect", run.path])
    #expect(card.status == 0, "\(card.errors)")
    #expect(card.output.contains("FrameEncoder") && card.output.contains("frames of clips"))
    let usage = try JepaProcess.run(fitting)
    #expect(usage.status == 1 && usage.errors.contains("give one of --output and --checkpoint"))
  }

  // MARK: Scoring

  /// A run with a rule, and a clip with a cut at 12 and a repeat at 20.
  private func prepared() throws -> String {
    let trained = try JepaProcess.run(training("--steps", "1"))
    #expect(trained.status == 0, "\(trained.errors)")
    try ConsistencyModel.write(sampleRule(), toCheckpoint: run.path)
    var frames = MovingShapes.frames(40, cuts: [12], seed: 6)
    frames[20] = frames[19]
    let broken = clips.path + "-broken"
    try MovingShapes.write(frames, to: broken)
    return broken
  }

  @Test func scoreSaysWhereAClipBreaks() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let (json, csv) = (run.path + "/scores.json", run.path + "/scores.csv")
    let result = try JepaProcess.run([
      "score", broken, "--checkpoint", run.path, "--json", json, "--csv", csv, "--fps", "10",
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.hasPrefix("\(broken): 40 frames, 0:04.000: 2 ranges flagged"))
    #expect(result.output.contains("0:01.200"))
    #expect(result.output.contains("duplicate or freeze"))

    let object = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: json)))
        as? [String: Any])
    #expect(object["input"] as? String == broken && object["framesPerSecond"] as? Double == 10)
    let frames = try #require(object["frames"] as? [[String: Any]])
    #expect(frames.count == 40)
    for name in ["index", "seconds", "score"] + Statistic.all.map(\.key) {
      #expect(frames[5].keys.contains(name), "\(name)")
    }
    #expect(frames[5]["energyMiddle"] is Double && frames[0]["energyPast"] is NSNull)
    let ranges = try #require(object["ranges"] as? [[String: Any]])
    #expect(ranges.map { $0["start"] as? Int } == [12, 20])
    for name in ["start", "end", "startSeconds", "endSeconds", "kind", "score", "statistic"] {
      #expect(ranges[0].keys.contains(name), "\(name)")
    }
    let claim = try #require(object["claim"] as? [String: Any])
    #expect(claim["grounds"] as? String == "clip")
    let rows = try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n")
    #expect(rows.count == 41 && rows[0].hasPrefix("index,seconds,pixelDifference,"))
    #expect(rows[13].hasSuffix(",1") && rows[5].hasSuffix(",0"))
  }

  @Test(.enabled(if: hasFFmpeg, "no ffmpeg on PATH"))
  func annotateWritesAVideo() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let video = run.path + "/seen.mp4"
    let result = try JepaProcess.run([
      "score", broken, "--checkpoint", run.path, "--annotate", video, "--fps", "10",
    ])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    let source = try FrameInput.open(video)
    #expect(source.framesPerSecond == 10)
    #expect(try source.remainingFrames().count == 40)
    // Several clips, several videos.
    let both = try JepaProcess.run([
      "score", broken, clips.path + "/second", "--checkpoint", run.path, "--annotate", video,
    ])
    #expect(both.status == 0, "\(both.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: run.path)
    #expect(names.contains("seen-second.mp4"))
    try expectFailure(
      ["score", broken, "--checkpoint", run.path, "--annotate", "/nowhere/a.mp4"],
      saying: "--annotate: expected a file in a folder that is there, found /nowhere/a.mp4")
    try expectFailure(
      ["score", "-", "--raw-size", "8x8", "--checkpoint", run.path, "--annotate", video],
      saying: "--annotate: expected an input that can be read twice, found the standard input")
  }

  /// What can be read is scored and calibrated on; what cannot be is listed, and the exit status says so.
  @Test func damagedClipsAreScoredAndSaidToBe() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let file = URL(fileURLWithPath: "\(broken)/frame30.png")
    try Data(contentsOf: file).prefix(60).write(to: file)

    let scored = try JepaProcess.run(["score", broken, "--checkpoint", run.path, "--fps", "10"])
    #expect(scored.status == 1 && !scored.wasKilled)
    #expect(scored.output.hasPrefix("\(broken): 39 frames"))
    #expect(scored.output.contains("frame 30 (3.000 s): \(file.path): "), "\(scored.output)")
    let calibration = run.path + "/source.json"
    let calibrated = try JepaProcess.run([
      "calibrate", broken, "--checkpoint", run.path, "--output", calibration,
    ])
    #expect(calibrated.status == 1 && calibrated.output.hasPrefix("wrote \(calibration): "))
    #expect(calibrated.errors.contains("\(broken): frame 30 "), "\(calibrated.errors)")
    #expect(FileManager.default.fileExists(atPath: calibration))

    guard Self.hasFFmpeg else { return }
    // A video that ends in the middle.
    let video = run.path + "/whole.mp4"
    let annotated = try JepaProcess.run([
      "score", clips.path + "/first", "--checkpoint", run.path, "--annotate", video,
    ])
    #expect(annotated.status == 0, "\(annotated.errors)")
    let cut = run.path + "/cut.mp4"
    try Data(contentsOf: URL(fileURLWithPath: video)).prefix(900).write(
      to: URL(fileURLWithPath: cut))
    let truncated = try JepaProcess.run(["score", cut, "--checkpoint", run.path])
    #expect(truncated.status == 1 && !truncated.wasKilled)
    #expect(
      truncated.errorLines.count == 1 && truncated.errors.hasPrefix("jepa: error: \(cut): "),
      "\(truncated.errors)")
  }

  @Test func framesOfAnotherSizeAreRefusedOrResized() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let frame = "\(broken)/frame39.png"
    try Data(RGBImage(width: 20, height: 12, color: RGBColor(9, 9, 9)).pngBytes()).write(
      to: URL(fileURLWithPath: frame))
    let score = ["score", broken, "--checkpoint", run.path]
    let refused = try JepaProcess.run(score)
    #expect(refused.status == 1 && refused.errorLines.count == 1, "\(refused.errors)")
    #expect(refused.errors.hasPrefix("jepa: error: \(frame): "))
    #expect(refused.errors.contains("found 20x12") && refused.errors.contains("--resize"))
    let resized = try JepaProcess.run(score + ["--resize"])
    #expect(resized.status == 0 && resized.output.hasPrefix("\(broken): 40 frames"))
  }

  /// What the message of a large picture names is there to be given.
  @Test func largeFramesAreReadWhereThatIsAskedFor() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let score = ["score", broken, "--checkpoint", run.path, "--max-megapixels"]
    let refused = try JepaProcess.run(score + ["0.0001"])
    #expect(refused.status == 1 && refused.errors.contains("over --max-megapixels 0.0001"))
    let read = try JepaProcess.run(score + ["1"])
    #expect(read.status == 0, "\(read.errors)")
  }

  @Test func clipsThatMemoryCannotHoldAreNotMade() throws {
    let folder = TemporaryPath("made")
    let result = try JepaProcess.run([
      "make-clip", "--size", "4096x4096", "--frames", "1000", "--output", folder.path,
    ])
    #expect(result.status == 1)
    #expect(result.errors.contains("4 GiB of pixels, found 1000 frames of 4096x4096, 46 GiB"))
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test func clipsOfOneNameHaveFilesOfTheirOwn() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let other = clips.path + "/more/second"
    try MovingShapes.write(MovingShapes.frames(12, seed: 3), to: other)
    let folder = TemporaryPath("outputs")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    let result = try JepaProcess.run([
      "score", clips.path + "/second", other, broken, "--checkpoint", run.path, "--csv",
      folder.path + "/a.csv",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    let own = (broken as NSString).lastPathComponent
    #expect(names == ["a-\(own).csv", "a-second-2.csv", "a-second.csv"])
    let rows = try String(contentsOfFile: folder.path + "/a-second-2.csv", encoding: .utf8)
    #expect(rows.split(separator: "\n").count == 13)
    try expectFailure(
      ["score", broken, "--checkpoint", run.path, "--plot", folder.path + "/a.jpg"],
      saying: "--plot: expected a file that ends in .png, found \(folder.path)/a.jpg")
  }

  @Test func aVideoWithoutFFmpegSaysHowToGetIt() throws {
    _ = try prepared()
    let video = clips.path + "/clip.mp4"
    try Data("no video".utf8).write(to: URL(fileURLWithPath: video))
    let result = try JepaProcess.run(
      ["score", video, "--checkpoint", run.path], searchPath: run.path)
    #expect(result.status == 1 && !result.wasKilled)
    #expect(
      result.errors
        == "jepa: error: ffmpeg is not on PATH: install ffmpeg (apt-get install ffmpeg, or "
        + "https://ffmpeg.org), or give a folder of PNG or JPEG frames\n")
  }

  /// Where no file may grow beyond a KiB, each output is named in one line, and nothing of it stays.
  @Test func aFullDiskIsNamed() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let folder = TemporaryPath("outputs")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    for (option, name) in [
      ("--json", "a.json"), ("--csv", "a.csv"), ("--report", "a.html"), ("--plot", "a.png"),
    ] + (Self.hasFFmpeg ? [("--annotate", "a.mp4")] : []) {
      let path = "\(folder.path)/\(name)"
      let result = try JepaProcess.run(
        ["score", broken, "--checkpoint", run.path, option, path], fileLimit: 1)
      #expect(result.status == 1 && !result.wasKilled, "\(option)")
      #expect(
        result.errorLines.count == 1 && result.errors.contains(path)
          && result.errors.contains("File too large"), "\(option): \(result.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test func aFullStandardOutputIsNamed() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let result = try JepaProcess.run(
      ["score", broken, "--checkpoint", run.path, "--json", "-"], fileLimit: 1)
    #expect(result.status == 1 && !result.wasKilled)
    #expect(
      result.errorLines.last?.hasPrefix("jepa: error: cannot write standard output: ") == true,
      "\(result.errors)")
  }

  /// Before anything is scored, and whatever name leads to what is read.
  @Test func nothingThatIsReadIsOverwritten() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let (file, link) = (run.path + "/source.json", run.path + "/link.json")
    let calibrated = try JepaProcess.run([
      "calibrate", clips.path + "/first", "--checkpoint", run.path, "--output", file,
    ])
    #expect(calibrated.status == 0, "\(calibrated.errors)")
    let before = try Data(contentsOf: URL(fileURLWithPath: file))
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
    let score = ["score", broken, "--checkpoint", run.path]
    for path in [file, link, run.path + "/./source.json"] {
      try expectFailure(
        score + ["--calibration", file, "--json", path],
        saying: "--json: expected a file that is not read, found \(path)")
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
    try expectFailure(
      score + ["--plot", "\(broken)/frame99.png"],
      saying:
        "--plot: expected a file that is not read, found \(broken)/frame99.png, a picture of \(broken)"
    )
    try expectFailure(
      score + ["--json", run.path + "/a", "--csv", run.path + "/a"],
      saying: "--csv: expected another file than --json's, found \(run.path)/a")
    try expectFailure(
      score + ["--csv", "/nowhere/a.csv"],
      saying: "--csv: expected a file in a folder that is there, found /nowhere/a.csv")
    try expectFailure(
      ["calibrate", broken, broken + "/.", "--checkpoint", run.path, "--output", file],
      saying: "clean clips: expected each clip once, found \(broken)/. twice")
    try expectFailure(
      ["score", broken, clips.path + "/second", "--checkpoint", run.path, "--json", "-"],
      saying: "--json -: expected one input, found 2")
  }

  @Test func jsonCanBeAllThatIsPrinted() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let result = try JepaProcess.run([
      "score", broken, "--checkpoint", run.path, "--json", "-",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    let ranges = try #require(object["ranges"] as? [[String: Any]])
    #expect(ranges.map { $0["start"] as? Int } == [12, 20])
    let threads = try JepaProcess.run(["score", broken, "--threads", "0"])
    #expect(threads.status == 1)
    #expect(threads.errors.contains("--threads: expected 1 to 1024, found 0"))
  }

  @Test func checkIsAnExitStatus() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    func score(_ more: String...) throws -> JepaProcess.Result {
      try JepaProcess.run(["score", "--checkpoint", run.path] + more)
    }
    let flagged = try score(broken, "--check")
    #expect(flagged.status == 3 && flagged.errors.isEmpty)
    #expect(try score(clips.path + "/second", "--check").status == 0)
    // The broken stretch left out.
    #expect(try score(broken, "--check", "--start", "0.84").status == 0)

    let ranking = try score(broken, clips.path + "/second", clips.path + "/none", "--check")
    #expect(ranking.status == 1, "one of them is not there")
    #expect(ranking.errors == "jepa: \(clips.path)/none: no such file or folder\n")
    let lines = ranking.output.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("1. \(clips.path)/second: 10 frames"))
    #expect(lines[1].hasPrefix("2. \(broken): 40 frames"))
  }

  @Test func calibrateSetsAThresholdAndSaysWhatItIsWorth() throws {
    let broken = try prepared()
    defer { try? FileManager.default.removeItem(atPath: broken) }
    let file = run.path + "/source.json"
    let calibrated = try JepaProcess.run([
      "calibrate", clips.path + "/first", "--checkpoint", run.path, "--output", file,
    ])
    #expect(calibrated.status == 0, "\(calibrated.errors)")
    #expect(calibrated.output.hasPrefix("wrote \(file): at most 146 false alarms in 1000 frames"))
    #expect(calibrated.output.contains("none of 19 clean frames are above the threshold"))
    #expect(calibrated.errors.contains("\(clips.path)/first: looks like cut at frame 12"))

    // Cuts are usual at this source; repeats are not.
    let scored = try JepaProcess.run([
      "score", broken, "--checkpoint", run.path, "--calibration", file, "--check",
    ])
    #expect(scored.status == 3)
    #expect(scored.output.contains("1 range flagged"))
    #expect(scored.output.contains("at most 146 false alarms in 1000 frames"))

    try "{}".write(toFile: file, atomically: true, encoding: .utf8)
    let damaged = try JepaProcess.run([
      "score", broken, "--checkpoint", run.path, "--calibration", file,
    ])
    #expect(damaged.status == 1 && damaged.errors.hasPrefix("jepa: error: \(file): no key "))
  }

  @Test func scoringWithoutWhatItNeeds() throws {
    let trained = try JepaProcess.run(training("--steps", "1"))
    #expect(trained.status == 0, "\(trained.errors)")
    let checkpoint = try Checkpoint.open(at: run.path).path
    let clip = clips.path + "/second"
    try expectFailure(
      ["score", clip, "--checkpoint", run.path],
      saying:
        "\(checkpoint)/rule.json is missing: jepa benchmark video CLIPS… --checkpoint … --fit "
        + "makes it")
    try ConsistencyModel.write(sampleRule(), toCheckpoint: run.path)
    try MovingShapes.write(MovingShapes.frames(2), to: clips.path + "/two")
    try expectFailure(
      ["score", clips.path + "/two", "--checkpoint", run.path],
      saying: "\(clips.path)/two: expected at least 5 frames, found 2")
    try expectFailure(
      ["score", clip, "--checkpoint", run.path, "--json", run.path],
      saying: "--json: expected a file, found the folder \(run.path)")
    let usage = try JepaProcess.run(["score", "-", "--raw-size", "12"])
    #expect(usage.status == 1 && usage.errors.contains("expected WIDTHxHEIGHT"))
  }
}

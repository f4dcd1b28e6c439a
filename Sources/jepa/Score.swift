import ArgumentParser
import Evaluation
import Foundation
import Torch
import VisionJEPA

/// `jepa score`
struct Score: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Score how consistent the frames of a video are, and say where it breaks.",
    discussion: """
      INPUT is a video of any kind that ffmpeg reads, a folder of PNG or JPEG frames, or - for raw RGB frames
      on the standard input. Prints the ranges of frames that break, what each looks like and the statistic
      that decided; with several inputs one line each, the most consistent first.

      Exit status: 0; 3 with --check where anything is flagged; 1 where an input could not be read or is
      damaged.
      """)

  @Argument(help: "Videos, folders of frames, or -.")
  var inputs: [String]

  @Option(help: "A run folder or a checkpoint's folder.")
  var checkpoint = ClipModelLocation.usual

  @Option(help: "A file that jepa calibrate made from clean clips of the same source.")
  var calibration: String?

  @Option(help: "Write everything that is known of every frame as JSON.")
  var json: String?

  @Option(help: "Write one row a frame as CSV.")
  var csv: String?

  @Option(help: "Write a page with curves, what is flagged, and pictures of it.")
  var report: String?

  @Option(help: "Write the curves as a PNG.")
  var plot: String?

  @Option(
    help: ArgumentHelp(
      "Write the clip as a video with its energies and the running score, at its average rate.",
      valueName: "mp4"))
  var annotate: String?

  @Flag(help: "Exit with status 3 where anything is flagged.")
  var check = false

  @OptionGroup var frames: FrameArguments

  @Option(help: "cpu, cuda, cuda:INDEX or mps.")
  var device = "cpu"

  @Option(help: "Threads of one operation.")
  var threads: Int?

  func run() throws {
    if let threads { Session.threadCount = threads }
    let model = try ConsistencyModel.load(from: checkpoint, device: try Device(device))
    let scorer = ConsistencyScorer(
      model,
      calibration: try calibration.map {
        try ConsistencyCalibration.read(
          from: $0, model: model.fingerprint, rule: model.ruleFingerprint)
      })
    let outcome = try ConsistencyRun(
      inputs: inputs, scorer: scorer, options: try frames.options,
      outputs: ConsistencyRun.Outputs(
        json: json, csv: csv, page: report, plot: plot, annotatedVideo: annotate),
      print: { print($0) },
      warn: { FileHandle.standardError.write(Data("jepa: \($0)\n".utf8)) }
    ).run()
    let status = outcome.status(isChecking: check)
    if status != 0 { throw ExitCode(status) }
  }
}

/// Which frames of an input, for every command that reads clips.
struct FrameArguments: ParsableArguments {
  @Option(help: "Leave out what comes before this time, in seconds.")
  var start = 0.0

  @Option(help: "Leave out this time and what comes after, in seconds.")
  var end: Double?

  @Option(help: "Take one frame in so many.")
  var every = 1

  @Option(help: "The rate of frame folders and raw frames, which state none.")
  var fps = 25.0

  @Option(help: "The size of raw frames on the standard input, such as 640x360.")
  var rawSize: String?

  @Flag(help: "Accept frames of several sizes, and resize them to the first.")
  var resize = false

  func validate() throws {
    if let rawSize, FrameSize(rawSize) == nil {
      throw ValidationError("--raw-size: expected WIDTHxHEIGHT, such as 640x360, found \(rawSize)")
    }
  }

  var options: FrameOptions {
    get throws {
      FrameOptions(
        startSeconds: start, endSeconds: end, every: every, assumedFramesPerSecond: fps,
        resizesFrames: resize, rawSize: rawSize.flatMap { FrameSize($0) })
    }
  }
}

/// Where the model of clips is looked for unless a command is told otherwise.
enum ClipModelLocation {
  static let usual = "checkpoints/video"
}

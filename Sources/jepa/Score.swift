import ArgumentParser
import Evaluation
import Files
import Foundation
import Pictures
import Torch
import VideoJEPA

/// `jepa score`
struct Score: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Score how consistent the frames of a video are, and say where it breaks.",
    discussion: """
      INPUT is a video of any kind that ffmpeg reads, a folder of \(PictureFormat.names) frames, or - for raw \
      RGB frames on the standard input. Prints the ranges of frames that break, what each looks \
      like and the statistic that decided; with several inputs one line each, the most consistent \
      first, and files of their own (scores.json becomes scores-CLIP.json). Frames count from 0, \
      with --start from the first one taken; times are the input's own, counted from where it \
      begins. A score is the log-odds of a break, less the threshold: above 0 is flagged.

      Exit status: 0; 3 with --check where anything is flagged; 1 where an input could not be read \
      or is damaged, a file could not be written, or an option is wrong.
      """)

  @Argument(help: "Videos, folders of frames, or -.", completion: .file())
  var inputs: [String]

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint = ClipModelLocation.usual

  @Option(
    help: "A file that jepa calibrate made from clean clips of the same source.",
    completion: .file(extensions: ["json"]))
  var calibration: String?

  @Option(
    help: "Write everything that is known of every frame as JSON; - for the standard output.",
    completion: .file(extensions: ["json"]))
  var json: String?

  @Option(help: "Write one row a frame as CSV.", completion: .file(extensions: ["csv"]))
  var csv: String?

  @Option(
    help: "Write a page with curves, what is flagged, and pictures of it.",
    completion: .file(extensions: ["html"]))
  var report: String?

  @Option(help: "Write the curves as a PNG.", completion: .file(extensions: ["png"]))
  var plot: String?

  @Option(
    help: ArgumentHelp(
      "Write the clip as a video with its energies and the running score, at its average rate.",
      valueName: "mp4"), completion: .file(extensions: ["mp4"]))
  var annotate: String?

  @Flag(help: "Exit with status 3 where anything is flagged.")
  var check = false

  @OptionGroup var frames: FrameArguments

  @OptionGroup var compute: ComputeArguments

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  func run() throws {
    let device = try compute.start()
    let model = try ConsistencyModel.load(from: checkpoint, device: device)
    let scorer = ConsistencyScorer(
      model,
      calibration: try calibration.map {
        try ConsistencyCalibration.read(
          from: $0, model: model.fingerprint, rule: model.ruleFingerprint, every: frames.every)
      })
    let outcome = try ConsistencyRun(
      inputs: inputs, scorer: scorer, options: try frames.options,
      outputs: ConsistencyRun.Outputs(
        json: json, csv: csv, page: report, plot: plot, annotatedVideo: annotate,
        isForced: outputs.force),
      read: [calibration].compactMap { $0 },
      print: { printResult($0) },
      warn: { StatusLine.standardError.print("jepa: \($0)") }
    ).run()
    let status = outcome.status(isChecking: check)
    if status != 0 { throw ExitCode(status) }
  }
}

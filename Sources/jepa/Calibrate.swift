import ArgumentParser
import Evaluation
import Files
import Foundation
import Torch
import VideoJEPA

/// `jepa calibrate`
struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Set the threshold of jepa score on clean clips of your own source.",
    usage: "jepa calibrate [<options>] <clean> ... --output <output>",
    discussion: """
      Every source has motion and noise of its own: thresholds set on it find far more than those \
      for all. Says which rate of false alarms the number of clean frames allows to be claimed, \
      and what in the clips does not look clean.

        jepa calibrate clean1.mp4 clean2.mp4 --output camera.json
        jepa score new.mp4 --calibration camera.json

      Exit status: 0; 1 where a clip is damaged (the threshold is set on what could be decoded), a \
      clip could not be read or the file not be written, or an option is wrong.
      """)

  @Argument(help: "Clean videos or folders of frames, all of one source.", completion: .file())
  var clean: [String]

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint = ClipModelLocation.usual

  @Option(help: "The file to write.", completion: .file(extensions: ["json"]))
  var output: String

  @Option(
    name: .customLong("false-alarms-per-1000"),
    help: ArgumentHelp(
      "False alarms in 1000 frames, for all statistics together.", valueName: "rate"))
  var falseAlarms = 1.0

  @OptionGroup var frames: FrameArguments

  @OptionGroup var compute: ComputeArguments

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  func validate() throws {
    guard falseAlarms > 0, falseAlarms <= 1000 else {
      throw ValidationError(
        "--false-alarms-per-1000: above 0 and at most 1000, found \(falseAlarms)")
    }
  }

  func run() throws {
    try outputs.check(OutputFile("--output", output, .calibration), against: clean)
    let device = try compute.start()
    let model = try ConsistencyModel.load(from: checkpoint, device: device)
    let (calibration, isDamaged) = try CalibrationRun(
      inputs: clean, model: model, options: try frames.options, wantedPer1000: falseAlarms
    ).run { StatusLine.standardError.print("jepa: warning: \($0)") }
    try calibration.write(to: output)
    printResult("wrote \(output): \(calibration.claim)")
    if isDamaged { throw ExitCode(1) }
  }
}

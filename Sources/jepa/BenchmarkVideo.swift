import ArgumentParser
import Evaluation
import Files
import Foundation
import Torch

/// `jepa benchmark`
struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure what is found and what is not.", subcommands: [BenchmarkVideo.self])
}

/// `jepa benchmark video`
struct BenchmarkVideo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Put known faults into clean clips, and see who finds them.",
    discussion: """
      For every fault and every detector (each statistic alone, rules over pixels, pixels and \
      copy-last, and everything, the same with an untrained encoder, and the verdict of jepa \
      score): AUROC, recall and F1 within one frame at 1, 5 and 10 false alarms per 1000 frames, \
      and the false alarms measured; for the rules the bounds that hold 95 % of draws of sources, \
      fault by fault; and means by how much moves and by whether the source was filmed or made up. \
      Rules are fitted on the clips of --fit-on and on scenes that are not tested; without \
      --fit-on, on those scenes and on two thirds of what is tested, in turn.

      --fit makes the checkpoint's rule.json, which jepa score needs: the rule that was tested, or \
      without --fit-on one fitted on everything.
      """)

  @Argument(help: "Clean videos or folders of frames to test on.", completion: .file())
  var clips: [String] = []

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint = ClipModelLocation.usual

  @Option(
    name: .customLong("fit-on"),
    help: ArgumentHelp("A clip to fit rules on besides; may be repeated.", valueName: "clip"),
    completion: .file())
  var fittingClips: [String] = []

  @Flag(help: "Write the rule into the checkpoint.")
  var fit = false

  @Option(
    help: "A new run folder for the model and that rule, without what only training needs.",
    completion: .directory)
  var output: String?

  @Option(help: "How often each fault is put into each clip.")
  var seeds = 3

  @Option(help: "Synthetic clips to test on.")
  var synthetic = 8

  @Option(help: "Synthetic clips to fit rules on besides.")
  var syntheticFit = 8

  @Option(help: "A folder of pictures that move in synthetic clips.", completion: .directory)
  var pictures: String?

  @Option(help: "Frames that are read of each clip.")
  var frames = 600

  @Option(
    help: ArgumentHelp(
      "Encode all clips as H.264 with this rate factor after they were broken: 18 is good, 28 coarse.",
      valueName: "crf"))
  var reencode: Int?

  @Option(help: "Write all figures as JSON.", completion: .file(extensions: ["json"]))
  var json: String?

  @OptionGroup var compute: ComputeArguments

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  func validate() throws {
    if let reencode, !(0...51).contains(reencode) {
      throw ValidationError("--reencode: expected 0 to 51, found \(reencode)")
    }
    try OptionRange.check(["--seeds": seeds], atLeast: 1)
    try OptionRange.check(["--synthetic": synthetic, "--synthetic-fit": syntheticFit], atLeast: 0)
    try OptionRange.check(["--frames": frames], atLeast: 60)
    guard !clips.isEmpty || synthetic > 0 else {
      throw ValidationError("expected clips to test on, or --synthetic of 1 or more, found neither")
    }
  }

  func run() throws {
    try outputs.check(
      json.map { OutputFile("--json", $0, .figures) }, against: clips + fittingClips)
    if let output { try OutputFolder.check(output) }
    let device = try compute.start()
    let report = try VideoBenchmark(
      clips: clips, fittingClips: fittingClips, checkpoint: checkpoint,
      device: device, seeds: seeds, syntheticClips: synthetic,
      syntheticFittingClips: syntheticFit, pictures: pictures, frameLimit: frames,
      rateFactor: reencode
    ) { StatusLine.standardError.note($0) }.run(
      writesRule: fit, output: output)
    print(report.text)
    if let json { try report.write(toJSON: json) }
  }
}

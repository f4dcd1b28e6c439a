import ArgumentParser
import Evaluation
import Files
import Foundation
import Torch

/// `jepa anomalies`
struct Anomalies: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find pictures with parts that do not fit, and show where.",
    usage: "jepa anomalies [<options>] [<pictures> ...] --checkpoint <checkpoint>",
    discussion: """
      Ranks pictures by two rules: the energy, how badly their parts are predicted from the others, \
      and the distance of their parts to the nearest part of a clean picture. Both are given as \
      -log10 of the share of clean pictures that have as much: 2 is one in a hundred. The greater \
      of both decides; less the threshold it is the score, and above 0 a picture is flagged. \
      Without --reference each picture is compared with the others, which finds the odd ones of a \
      folder and claims no rate of false alarms. Clean pictures should not be those that the model \
      was trained on.

        jepa anomalies parts --reference good --checkpoint checkpoints/parts --report odd.html
        jepa anomalies --reference good --checkpoint checkpoints/parts \\
          --write-calibration good.safetensors
        jepa anomalies new --calibration good.safetensors --checkpoint checkpoints/parts --check

      Exit status: 0; 3 with --check where anything is flagged; 1 where nothing could be read, a \
      file could not be written, or an option is wrong.
      """)

  @Argument(help: "Pictures, and folders of them.", completion: .pictures)
  var pictures: [String] = []

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "A folder of clean pictures, or one of them; may be repeated.", valueName: "clean"),
    completion: .file())
  var reference: [String] = []

  @Option(
    help: "A file that --write-calibration made, in place of the clean pictures.",
    completion: .file(extensions: ["safetensors"]))
  var calibration: String?

  @Option(
    help: ArgumentHelp(
      "Write what the clean pictures taught, for --calibration.", valueName: "file"),
    completion: .file(extensions: ["safetensors"]))
  var writeCalibration: String?

  @Option(
    name: .customLong("false-alarms-per-1000"),
    help: ArgumentHelp("Clean pictures in 1000 that may be flagged.", valueName: "rate"))
  var falseAlarms = 10.0

  @Option(
    help: "Write everything that is known of every picture as JSON; - for the standard output.",
    completion: .file(extensions: ["json"]))
  var json: String?

  @Option(help: "Write one row a picture as CSV.", completion: .file(extensions: ["csv"]))
  var csv: String?

  @Option(
    help: "Write a page with the oddest pictures and what is odd about them.",
    completion: .file(extensions: ["html"]))
  var report: String?

  @Flag(help: "Exit with status 3 where anything is flagged.")
  var check = false

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  @OptionGroup var compute: ComputeArguments

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  @OptionGroup var decoding: PictureOptions

  func validate() throws {
    guard falseAlarms > 0, falseAlarms <= 1000 else {
      throw ValidationError(
        "--false-alarms-per-1000: above 0 and at most 1000, found \(falseAlarms)")
    }
    guard reference.isEmpty || calibration == nil else {
      throw ValidationError("give one of --reference and --calibration")
    }
    guard writeCalibration == nil || !reference.isEmpty else {
      throw ValidationError("--write-calibration needs --reference")
    }
    guard !pictures.isEmpty || writeCalibration != nil else {
      throw ValidationError("name pictures to look at")
    }
  }

  func run() throws {
    try outputs.check(
      writeCalibration.map { OutputFile("--write-calibration", $0, .anomalyCalibration) },
      json.flatMap { $0 == "-" ? nil : OutputFile("--json", $0, .anomalies) },
      csv.map { OutputFile("--csv", $0, .anomalyTable) },
      report.map { OutputFile("--report", $0, .page) },
      against: pictures + reference + [calibration].compactMap { $0 })
    let device = try compute.start()
    let run = AnomalyRun(
      reader: try TokenReader(checkpoint: checkpoint, device: device), checkpoint: checkpoint,
      falseAlarmsPer1000: falseAlarms, decoder: decoding.decoder, isStrict: strict,
      warn: { StatusLine.standardError.print("jepa: \($0)") })
    let usual = try run.calibration(
      calibration.map { .calibration($0) }
        ?? (reference.isEmpty ? .none : .pictures(reference)))
    if let writeCalibration, let usual {
      try usual.write(to: writeCalibration)
      if json != "-" {
        printResult("wrote \(writeCalibration): \(usual.claim(falseAlarmsPer1000: falseAlarms))")
      }
    }
    guard !pictures.isEmpty else { return }
    let found = try run.report(on: pictures, beside: usual)
    printResult(json == "-" ? try found.json() : found.table)
    try found.write(
      json: json == "-" ? nil : json, csv: csv, page: report, decoder: decoding.decoder)
    if check, found.isFlagged { throw ExitCode(3) }
  }
}

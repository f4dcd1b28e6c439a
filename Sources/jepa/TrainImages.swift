import ArgumentParser
import Foundation
import ImageJEPA
import Pictures

/// `jepa train images`
struct TrainImages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract: "Train an encoder on a folder of pictures.",
    discussion: """
      Pictures are \(PictureFormat.all.map(\.name).joined(with: "and")) files below FOLDER, recognised by content; labels are not needed. \
      The run folder holds checkpoints, metrics.jsonl and TensorBoard event files. Ctrl-C stops \
      after the step, saves, and says how to go on.

        jepa train images photos --output checkpoints/photos --minutes 20
        jepa train images photos --output checkpoints/photos --resume
      """)

  @Argument(help: "The folder of pictures.", completion: .directory)
  var folder: String

  @Option(
    help: ArgumentHelp(
      "The encoder: \(EncoderPreset.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "preset"), completion: .list(EncoderPreset.allCases.map(\.rawValue)))
  var encoder: String?

  @Option(
    help: ArgumentHelp(
      "Start from this model's encoder: a run, a checkpoint or what import made.",
      valueName: "folder"), completion: .directory)
  var initial: String?

  @Option(
    help: ArgumentHelp(
      "How it learns: \(MethodName.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "method"), completion: .list(MethodName.allCases.map(\.rawValue)))
  var method: String?

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  @OptionGroup var pictures: PictureOptions

  @OptionGroup var options: TrainingOptions

  func validate() throws {
    guard encoder == nil || initial == nil else {
      throw ValidationError("give one of --encoder and --initial")
    }
  }

  func run() throws {
    let overrides = options.overrides(
      [
        ("encoder.preset", encoder), ("encoder.initial", initial), ("method.name", method),
        pictures.override,
      ],
      isStrict: strict)
    try options.together.run { group in
      try ImageTrainingSession(
        folder: folder, output: options.output, configurationFile: options.config,
        overrides: overrides, isResuming: options.resume, group: group
      ).run()
    }
  }
}

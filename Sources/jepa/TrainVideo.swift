import ArgumentParser
import Foundation
import Pictures
import VideoJEPA

/// `jepa train video`
struct TrainVideo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Train a model of clips on a folder of videos and frame folders.",
    discussion: """
      Everything below FOLDER that ffmpeg reads, and every folder of \(PictureFormat.names) frames, is a \
      clip. Clips are split at their cuts and decoded once, into memory. The run folder holds \
      checkpoints, metrics.jsonl and TensorBoard event files. Ctrl-C stops after the step, saves, \
      and says how to go on.

        jepa train video clips --output checkpoints/clips --minutes 20
        jepa train video clips --output checkpoints/clips --resume
      """)

  @Argument(help: "The folder of videos and frame folders.", completion: .directory)
  var folder: String

  @Option(
    help: "A checkpoint of jepa train images whose encoder training starts from.",
    completion: .directory)
  var initial: String?

  @Option(help: ArgumentHelp("The share of made-up clips, 0 to 1.", valueName: "share"))
  var synthetic: Float?

  @Option(help: "A folder of pictures that move in made-up clips.", completion: .directory)
  var pictures: String?

  @Flag(help: "A file that cannot be read is an error.")
  var strict = false

  @OptionGroup var decoding: PictureOptions

  @OptionGroup var options: TrainingOptions

  func run() throws {
    let overrides = options.overrides(
      [
        ("initial", initial), ("synthetic.share", synthetic.map { "\($0)" }),
        ("synthetic.pictures", pictures), decoding.override,
      ], isStrict: strict)
    try options.together.run { group in
      try ClipTrainingSession(
        folder: folder, output: options.output, configurationFile: options.config,
        overrides: overrides, isResuming: options.resume, group: group
      ).run()
    }
  }
}

import ArgumentParser
import Foundation
import VisionJEPA

/// `jepa train video`
struct TrainVideo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Train a model of clips on a folder of videos and frame folders.",
    discussion: """
      Everything below FOLDER that ffmpeg reads, and every folder of PNG or JPEG frames, is a clip. Clips are
      split at their cuts and decoded once, into memory. The run folder holds checkpoints, metrics.jsonl and
      TensorBoard event files. Ctrl-C stops after the step, saves, and says how to go on.

        jepa train video clips --output checkpoints/clips --minutes 20
        jepa train video clips --output checkpoints/clips --resume
      """)

  @Argument(help: "The folder of videos and frame folders.")
  var folder: String

  @Option(help: "The run folder: new or empty, unless resuming.")
  var output: String

  @Option(help: "A checkpoint of jepa train images whose encoder training starts from.")
  var initial: String?

  @Option(help: ArgumentHelp("The share of made-up clips, 0 to 1.", valueName: "share"))
  var synthetic: Float?

  @Option(help: "A folder of pictures that move in made-up clips.")
  var pictures: String?

  @Option(help: "A YAML file of settings, such as a run's config.yaml.")
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting, such as optimizer.weightDecay=0.1; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(help: "Train for so many passes over the clips.")
  var epochs: Double?

  @Option(help: "Train for so many updates.")
  var steps: Int?

  @Option(help: "Train for so many minutes. The default, with 20.")
  var minutes: Double?

  @Option(help: "cpu, cuda, cuda:INDEX or mps.")
  var device: String?

  @Option(help: "Threads of one operation.")
  var threads: Int?

  @Option(help: "What every random choice is made from.")
  var seed: UInt64?

  @Flag(help: "Go on from the run folder's last checkpoint.")
  var resume = false

  @Flag(help: "A file that cannot be read is an error.")
  var strict = false

  func validate() throws {
    let durations = [epochs.map { _ in 1 }, steps.map { _ in 1 }, minutes.map { _ in 1 }]
    guard durations.compactMap({ $0 }).count <= 1 else {
      throw ValidationError("give one of --epochs, --steps and --minutes")
    }
  }

  /// The flags as settings; they go before `--set`.
  private var overrides: [String] {
    func setting(_ key: String, _ value: (some CustomStringConvertible)?) -> [String] {
      value.map { ["\(key)=\($0)"] } ?? []
    }
    return setting("initial", initial) + setting("synthetic.share", synthetic)
      + setting("synthetic.pictures", pictures) + setting("duration.epochs", epochs)
      + setting("duration.steps", steps) + setting("duration.minutes", minutes)
      + setting("device", device) + setting("threads", threads) + setting("seed", seed)
      + (strict ? ["loader.isStrict=true"] : []) + settings
  }

  func run() throws {
    try ClipTrainingSession(
      folder: folder, output: output, configurationFile: config, overrides: overrides,
      isResuming: resume
    ).run()
  }
}

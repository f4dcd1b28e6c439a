import ArgumentParser
import Foundation
import TrainingRuns
import VisionJEPA

/// `jepa train images`
struct TrainImages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract: "Train an encoder on a folder of pictures.",
    discussion: """
      Pictures are PNG and JPEG files below FOLDER, recognised by content; labels are not needed. The run
      folder holds checkpoints, metrics.jsonl and TensorBoard event files. Ctrl-C stops after the step,
      saves, and says how to go on.

        jepa train images photos --output checkpoints/photos --minutes 20
        jepa train images photos --output checkpoints/photos --resume
      """)

  @Argument(help: "The folder of pictures.")
  var folder: String

  @Option(help: "The run folder: new or empty, unless resuming.")
  var output: String

  @Option(
    help: ArgumentHelp(
      "The encoder: \(EncoderPreset.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "preset"))
  var encoder: String?

  @Option(
    help: ArgumentHelp(
      "Start from this model's encoder: a run, a checkpoint or what import made.",
      valueName: "folder"))
  var initial: String?

  @Option(
    help: ArgumentHelp(
      "How it learns: \(MethodName.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "method"))
  var method: String?

  @Option(help: "A YAML file of settings, such as a run's config.yaml.")
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting, such as optimizer.weightDecay=0.1; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(help: "Train for so many passes over the pictures.")
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

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  func validate() throws {
    let durations = [epochs.map { _ in 1 }, steps.map { _ in 1 }, minutes.map { _ in 1 }]
    guard durations.compactMap({ $0 }).count <= 1 else {
      throw ValidationError("give one of --epochs, --steps and --minutes")
    }
    guard encoder == nil || initial == nil else {
      throw ValidationError("give one of --encoder and --initial")
    }
  }

  /// The flags as settings; they go before `--set`.
  private var overrides: [String] {
    func setting(_ key: String, _ value: (some CustomStringConvertible)?) -> [String] {
      value.map { ["\(key)=\($0)"] } ?? []
    }
    return setting("encoder.preset", encoder) + setting("encoder.initial", initial)
      + setting("method.name", method)
      + setting("duration.epochs", epochs) + setting("duration.steps", steps)
      + setting("duration.minutes", minutes) + setting("device", device)
      + setting("threads", threads) + setting("seed", seed)
      + (strict ? ["loader.isStrict=true"] : []) + settings
  }

  func run() throws {
    try ImageTrainingSession(
      folder: folder, output: output, configurationFile: config, overrides: overrides,
      isResuming: resume
    ).run()
  }
}

import ArgumentParser
import Foundation
import TextPlanner
import TrainingRuns

/// `jepa train text`
struct TrainText: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Train a planner on prompts and answers.",
    discussion: """
      FILE is JSON Lines: {"prompt": "…", "answer": "…"}, and perhaps "negatives", a list of wrong answers, and
      "group", a text that examples share whose answers are alternatives. The run folder holds checkpoints,
      metrics.jsonl and TensorBoard event files. Ctrl-C stops after the step, saves, and says how to go on.

        jepa train text sums.jsonl --output checkpoints/sums --minutes 10
        jepa train text sums.jsonl --output checkpoints/sums --resume
      """)

  @Argument(help: "The file of prompts and answers.")
  var file: String

  @Option(help: "The run folder: new or empty, unless resuming.")
  var output: String

  @Option(
    help: ArgumentHelp(
      "What keeps the energy of wrong answers high: "
        + "\(ObjectiveFamily.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "family"))
  var objective: String?

  @Option(help: "A YAML file of settings, such as a run's config.yaml.")
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting, such as model.predictorDepth=3; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(help: "Train for so many passes over the examples.")
  var epochs: Double?

  @Option(help: "Train for so many updates.")
  var steps: Int?

  @Option(help: "Train for so many minutes. The default, with 10.")
  var minutes: Double?

  @Option(help: "cpu, cuda, cuda:INDEX or mps.")
  var device: String?

  @Option(help: "Threads of one operation.")
  var threads: Int?

  @Option(help: "What every random choice is made from.")
  var seed: UInt64?

  @Flag(help: "Go on from the run folder's last checkpoint.")
  var resume = false

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
    return setting("objective.family", objective) + setting("duration.epochs", epochs)
      + setting("duration.steps", steps) + setting("duration.minutes", minutes)
      + setting("device", device) + setting("threads", threads) + setting("seed", seed) + settings
  }

  func run() throws {
    try TextTrainingSession(
      file: file, output: output, configurationFile: config, overrides: overrides,
      isResuming: resume
    ).run()
  }
}

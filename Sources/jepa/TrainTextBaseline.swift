import ArgumentParser
import TextPlanner

/// `jepa train text-baseline`
struct TrainTextBaseline: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text-baseline",
    abstract: "Train an autoregressive model to compare a planner with.",
    discussion: """
      With --like it has the planner's sizes, data, batches, optimizer and number of steps, so that as many
      examples are presented to both.

        jepa train text-baseline sums.jsonl --like checkpoints/sums --output checkpoints/sums-baseline
        jepa evaluate-text test.jsonl --checkpoint checkpoints/sums --baseline checkpoints/sums-baseline
      """)

  @Argument(help: "The file of prompts and answers.")
  var file: String

  @Option(help: "The run folder: new or empty, unless resuming.")
  var output: String

  @Option(help: ArgumentHelp("The planner to be compared with.", valueName: "checkpoint"))
  var like: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting, such as optimizer.weightDecay=0.1; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(help: "Train for so many updates; by default as many as the planner.")
  var steps: Int?

  @Option(help: "cpu, cuda, cuda:INDEX or mps.")
  var device: String?

  @Option(help: "Threads of one operation.")
  var threads: Int?

  @Option(help: "What every random choice is made from.")
  var seed: UInt64?

  @Flag(help: "Go on from the run folder's last checkpoint.")
  var resume = false

  /// The flags as settings; they go before `--set`.
  private var overrides: [String] {
    func setting(_ key: String, _ value: (some CustomStringConvertible)?) -> [String] {
      value.map { ["\(key)=\($0)"] } ?? []
    }
    // A duration in steps takes the place of any other.
    return setting("duration.steps", steps) + setting("device", device)
      + setting("threads", threads) + setting("seed", seed) + settings
  }

  func run() throws {
    try BaselineTrainingSession(
      file: file, output: output, like: like, overrides: overrides, isResuming: resume
    ).run()
  }
}

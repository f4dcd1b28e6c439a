import ArgumentParser
import TextPlanner

/// `jepa train text-baseline`
struct TrainTextBaseline: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text-baseline",
    abstract: "Train an autoregressive model to compare a planner with.",
    usage: "jepa train text-baseline [<options>] <file> --output <output>",
    discussion: """
      With --like it has the planner's sizes, data, batches, optimizer and number of steps, so \
      that as many examples are presented to both.

        jepa train text-baseline sums.jsonl --like checkpoints/sums \\
          --output checkpoints/sums-baseline
        jepa evaluate-text test.jsonl --checkpoint checkpoints/sums \\
          --baseline checkpoints/sums-baseline
      """)

  @Argument(help: "The file of prompts and answers.", completion: .file(extensions: ["jsonl"]))
  var file: String

  @Option(
    help: ArgumentHelp("The planner to be compared with.", valueName: "checkpoint"),
    completion: .directory)
  var like: String?

  @OptionGroup var options: TrainingOptions

  func validate() throws {
    if like != nil, options.config != nil {
      throw ValidationError("give one of --like and --config")
    }
  }

  func run() throws {
    try options.together.run { group in
      try BaselineTrainingSession(
        file: file, output: options.output, like: like, configurationFile: options.config,
        overrides: options.overrides([]), isResuming: options.resume, group: group
      ).run()
    }
  }
}

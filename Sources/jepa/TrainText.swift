import ArgumentParser
import Foundation
import TextPlanner

/// `jepa train text`
struct TrainText: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Train a planner on prompts and answers.",
    usage: "jepa train text [<options>] <file> --output <output>",
    discussion: """
      FILE is JSON Lines: {"prompt": "…", "answer": "…"}, and perhaps "negatives", a list of wrong \
      answers, and "group", a text that examples share whose answers are alternatives. The run \
      folder holds checkpoints, metrics.jsonl and TensorBoard event files. Ctrl-C stops after the \
      step, saves, and says how to go on.

        jepa train text sums.jsonl --output checkpoints/sums --minutes 10
        jepa train text sums.jsonl --output checkpoints/sums --resume
      """)

  @Argument(help: "The file of prompts and answers.", completion: .file(extensions: ["jsonl"]))
  var file: String

  @Option(
    help: ArgumentHelp(
      "What keeps the energy of wrong answers high: "
        + "\(ObjectiveFamily.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "family"), completion: .list(ObjectiveFamily.allCases.map(\.rawValue)))
  var objective: String?

  @OptionGroup var options: TrainingOptions

  func run() throws {
    try options.together.run { group in
      try TextTrainingSession(
        file: file, output: options.output, configurationFile: options.config,
        overrides: options.overrides([("objective.family", objective)]),
        isResuming: options.resume, group: group
      ).run()
    }
  }
}

import ArgumentParser
import Evaluation
import Files
import Logging
import TextPlanner
import Torch

/// `jepa evaluate-text`
struct EvaluateText: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a planner on prompts with known answers.",
    usage: "jepa evaluate-text [<options>] <file> --checkpoint <checkpoint>",
    discussion: """
      Prints exact match by steps and by difficulty, what verification is worth, how the energy \
      ranks wrong answers, and time and floating-point operations; with --baseline the same of an \
      autoregressive model.

        jepa evaluate-text test.jsonl --checkpoint checkpoints/sums
        jepa evaluate-text test.jsonl --checkpoint checkpoints/sums \\
          --baseline checkpoints/sums-baseline
      """)

  @Argument(help: "JSON Lines of prompts and answers.", completion: .file(extensions: ["jsonl"]))
  var file: String

  @Option(help: "The planner's run folder or checkpoint.", completion: .directory)
  var checkpoint: String

  @Option(
    help: ArgumentHelp("An autoregressive model to compare with.", valueName: "checkpoint"),
    completion: .directory)
  var baseline: String?

  @Option(help: "A memory to look up each prompt in.", completion: .file())
  var memory: String?

  @Option(help: "Updates of one start of a plan at most.")
  var steps = PlanningOptions().steps

  @Option(help: "Starts of a plan at most.")
  var starts = PlanningOptions().starts

  @Flag(help: "Print one line of JSON.")
  var json = false

  @Option(help: "What noise, wrong answers and samples are drawn from.")
  var seed: UInt64 = 0

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Option(help: "Threads of one operation.")
  var threads = 1

  @OptionGroup var progress: ProgressArguments

  func validate() throws {
    try OptionRange.check(["--steps": steps, "--starts": starts], atLeast: 1)
    try ThreadCount.check(threads)
  }

  func run() throws {
    Session.threadCount = threads
    let device = try Device(device)
    let model = try PlannerModel.load(from: checkpoint, device: device)
    let baseline = try baseline.map { try AutoregressiveModel.load(from: $0, device: device) }
    let dataset = try TextDataset(contentsOf: file, limits: model.limits)
    for skipped in dataset.skipped.prefix(5) {
      Logger(label: "jepa").warning("skipped \(file), \(skipped)")
    }
    var options = PlanningOptions()
    (options.steps, options.starts, options.seed) = (steps, starts, seed)
    let memory = try memory.map {
      try PlannerMemory(at: $0, of: model, checkpoint: checkpoint, isWritable: false)
    }
    let report = try TextEvaluation(
      Planner(model, options: options), on: dataset, memory: memory, seed: seed
    ).report(baseline: baseline)
    printResult(try json ? report.json() : report.table)
  }
}

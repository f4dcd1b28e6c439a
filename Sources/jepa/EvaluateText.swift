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

  @OptionGroup var planning: PlanningArguments

  @Option(help: "What the baseline's logits are divided by before a symbol is drawn.")
  var temperature = 1.0

  @Flag(help: "Measure every method from cheap to dear.")
  var curves = false

  @Option(
    help: "A PNG file to draw exact match over operations in, of every method; with --curves.",
    completion: .file(extensions: ["png"]))
  var plot: String?

  @Flag(help: "Print one line of JSON.")
  var json = false

  @Flag(help: "Measure prompts too that the model was trained on.")
  var allowTrained = false

  @Option(help: "What noise, wrong answers and samples are drawn from.")
  var seed: UInt64 = 0

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Option(help: "Threads of one operation.")
  var threads = 1

  @OptionGroup var progress: ProgressArguments
  @OptionGroup var outputs: OutputArguments

  func validate() throws {
    try OptionRange.check("--temperature", positive: temperature)
    try ThreadCount.check(threads)
    guard plot == nil || curves else {
      throw ValidationError("--plot draws what --curves measures: give both")
    }
  }

  func run() throws {
    try outputs.check(plot.map { OutputFile("--plot", $0, .picture) }, against: [file])
    Session.threadCount = threads
    let device = try Device(device)
    let model = try PlannerModel.load(from: checkpoint, device: device)
    let baseline = try baseline.map { try AutoregressiveModel.load(from: $0, device: device) }
    let dataset = try TextDataset(contentsOf: file, limits: model.limits)
    if !allowTrained {
      try TrainedPrompts(ofCheckpoint: checkpoint)?
        .checkAreNew(dataset.examples.map(\.prompt), ofFile: file)
    }
    for skipped in dataset.skipped.prefix(5) {
      Logger(label: "jepa").warning("skipped \(file), \(skipped)")
    }
    let memory = try memory.map {
      try PlannerMemory(at: $0, of: model, checkpoint: checkpoint, isWritable: false)
    }
    let report = try TextEvaluation(
      Planner(model, options: planning.options(seed: seed)), on: dataset, memory: memory, seed: seed
    ).report(baseline: baseline, temperature: temperature, measuresCurves: curves)
    if let plot, let drawn = CurvePlot(report) { try drawn.write(toPNG: plot) }
    printResult(try json ? report.json() : report.table)
  }
}

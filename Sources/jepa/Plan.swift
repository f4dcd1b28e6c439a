import ArgumentParser
import Evaluation
import Files
import Foundation
import TextPlanner
import Torch

/// `jepa plan`
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer a prompt by descending the energy of its answer.",
    usage: "jepa plan [<options>] [<prompt>] --checkpoint <checkpoint>",
    discussion: """
      Without a prompt the lines of the standard input are answered, each with a line. An answer \
      that is not verified has a tab and the word unverified after it. Control characters in an \
      answer are shown as pictures, such as ␊; --json has them as they are.

        jepa plan "12+30=" --checkpoint checkpoints/sums
        cut -f1 sums.tsv | jepa plan --checkpoint checkpoints/sums --json
      """)

  @Argument(help: "The prompt; without it, lines of the standard input.")
  var prompt: String?

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint: String

  @Option(help: "A memory to look up each prompt in; jepa remember makes one.", completion: .file())
  var memory: String?

  @Option(
    help: "How answers come up: a descent, or samples that --sampler writes and the energy judges.")
  var propose = Proposal.descent

  @Option(
    help: ArgumentHelp(
      "What writes samples; jepa train text-baseline makes one.", valueName: "checkpoint"),
    completion: .directory)
  var sampler: String?

  @Option(help: "Samples at most.")
  var samples = ProposalOptions().samples

  @Option(help: "What the sampler's logits are divided by before a symbol is drawn.")
  var temperature = ProposalOptions().temperature

  @OptionGroup var planning: PlanningArguments

  @Flag(help: "Show the first guess, the energy of every step, and the text as it changes.")
  var trace = false

  @Option(
    help: "A PNG file to draw the energy over the steps in; for one prompt.",
    completion: .file(extensions: ["png"]))
  var tracePlot: String?

  @Flag(help: "Print one line of JSON for each prompt.")
  var json = false

  @Option(help: "What fresh noise is made from.")
  var seed: UInt64 = 0

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Option(help: "Threads of one operation.")
  var threads = 1

  @OptionGroup var outputs: OutputArguments

  func validate() throws {
    try OptionRange.check(["--samples": samples], atLeast: 1)
    try OptionRange.check("--temperature", positive: temperature)
    try ThreadCount.check(threads)
    guard tracePlot == nil || prompt != nil else {
      throw ValidationError("--trace-plot draws one prompt: give it as an argument")
    }
    guard (propose == .samples) == (sampler != nil) else {
      throw ValidationError("--propose samples and --sampler go together: give both or neither")
    }
    guard propose == .descent || !(trace || tracePlot != nil) else {
      throw ValidationError("--trace and --trace-plot show a descent: leave out --propose samples")
    }
    guard propose == .descent || planning.isDefault else {
      throw ValidationError(
        "options of a descent (--along, --steps, --starts, --race, --restart-noise, --step-size, "
          + "--window, --rounding-slack) say nothing of samples: leave them or --propose samples out"
      )
    }
    guard
      propose == .samples
        || (samples, temperature) == (ProposalOptions().samples, ProposalOptions().temperature)
    else {
      throw ValidationError("--samples and --temperature are for --propose samples: add it")
    }
  }

  func run() throws {
    try outputs.check(tracePlot.map { OutputFile("--trace-plot", $0, .picture) }, against: [])
    Session.threadCount = threads
    let model = try PlannerModel.load(from: checkpoint, device: try Device(device))
    let memory = try memory.map {
      try PlannerMemory(at: $0, of: model, checkpoint: checkpoint, isWritable: false)
    }
    if let sampler {
      return try answer(
        by: AutoregressiveModel.load(from: sampler, device: Device(device)), judgedBy: model,
        retrieve: memory.map { $0.retrieve })
    }
    var options = planning.options(seed: seed)
    options.recordsTrace = trace || tracePlot != nil
    let session = PlanningSession(
      Planner(model, options: options), retrieve: memory.map { $0.retrieve })
    func show(_ plan: TextPlanner.Plan) {
      write(json ? plan.json : trace ? plan.traceTable(threshold: model.threshold) : plan.line)
    }
    guard let prompt else { return try session.plan(PromptLines(), report: show) }
    let plan = try session.plan(prompt)
    show(plan)
    if let tracePlot {
      try TracePlot(plan, threshold: model.threshold).write(toPNG: tracePlot)
    }
  }

  /// Generate and verify.
  private func answer(
    by sampler: AutoregressiveModel, judgedBy model: PlannerModel,
    retrieve: (([String]) throws -> [[RetrievedEntry]])?
  ) throws {
    var options = ProposalOptions()
    (options.samples, options.temperature, options.seed) = (samples, temperature, seed)
    let session = PlanningSession(
      try AnswerProposals(sampler, judgedBy: model, options: options), retrieve: retrieve)
    func show(_ answer: ProposedAnswer) { write(json ? answer.json : answer.line) }
    guard let prompt else { return try session.plan(PromptLines(), report: show) }
    show(try session.plan(prompt))
  }

  /// Not print: its buffer would keep answers back in a pipe.
  private func write(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }
}

/// How answers come up.
enum Proposal: String, CaseIterable, ExpressibleByArgument {
  case descent, samples
}

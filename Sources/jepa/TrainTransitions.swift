import ArgumentParser
import Evaluation
import Files
import Frames
import TrainingRuns
import VideoJEPA

/// `jepa train transitions`
struct TrainTransitions: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transitions",
    abstract: "Fit the network that names what explains the step from a frame to the next.",
    usage: """
      jepa train transitions [<options>] --output <output>
      jepa train transitions [<options>] --checkpoint <checkpoint>
      """,
    discussion: """
      It is fitted on synthetic clips, which are made as they are needed. The one for distances \
      between pixels is built into the program (--output \
      Sources/VideoJEPA/Measures/transition-hypotheses.json); one for distances between tokens \
      belongs to a model (--checkpoint), and a rule is to be fitted after it.
      """)

  @Option(
    help: "A folder of pictures on white paper, which move in the clips.", completion: .directory)
  var pictures: String?

  @Option(
    help: "The JSON file to write: a network for distances between pixels.",
    completion: .file(extensions: ["json"]))
  var output: String?

  @Option(
    help: "The model to fit a network for, which is put into its checkpoint.",
    completion: .directory)
  var checkpoint: String?

  @Option(help: "How many clips are made.")
  var clips = 1500

  @Option(help: "Updates of the weights.")
  var steps = 6000

  @Option(help: "What every random choice is made from.")
  var seed: UInt64 = 1

  @OptionGroup var outputs: OutputArguments

  @OptionGroup var progress: ProgressArguments

  func validate() throws {
    guard (output == nil) != (checkpoint == nil) else {
      throw ValidationError("give one of --output and --checkpoint")
    }
    try OptionRange.check(["--clips": clips], atLeast: 11)
    try OptionRange.check(["--steps": steps], atLeast: 1)
  }

  func run() throws {
    try outputs.check(output.map { OutputFile("--output", $0, .hypotheses) }, against: [])
    let model = try checkpoint.map { try ClipModel.load(from: $0) }
    let cutOuts = try pictures.map { try CutOut.all(inFolder: $0, atMost: 600) } ?? []
    let work = WorkProgress()
    let examples = TransitionExamples(
      clips: clips, seed: seed, pictures: cutOuts, model: model, progress: work)
    var fitting = HypothesisFitting()
    (fitting.steps, fitting.seed) = (steps, seed)
    let hypotheses = try fitting.fit(examples, progress: work) { step, loss in
      work.clear()
      print("step \(step): \(loss) nats")
    }
    if let output { try JSONFile.write(hypotheses, to: output, isCompact: true) }
    if let checkpoint { try ClipModel.write(hypotheses, toCheckpoint: checkpoint) }
    let others = TransitionExamples(
      clips: max(1, clips / 10), seed: seed &+ 1, pictures: cutOuts, model: model,
      progress: work)
    work.clear()
    print("other clips, rows what is so, columns what was named:")
    print(HypothesisAccuracy(hypotheses, on: others))
  }
}

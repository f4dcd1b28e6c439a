import Foundation
import TextPlanner

/// A small planner from nothing to a proof, on puzzles that are made on the spot.
public struct TextDemo {
  private let output: String
  private let minutes: Double
  private let say: (String) -> Void

  /// - Parameters:
  ///   - output: the run folder; nil for the first free of `checkpoints/demo-text`,
  ///     `checkpoints/demo-text-2`, … The puzzles go beside it.
  ///   - minutes: how long to train.
  public init(output: String?, minutes: Double, say: @escaping (String) -> Void) {
    self.output = output ?? Self.freeFolder()
    self.minutes = minutes
    self.say = say
  }

  /// So shallow that hard puzzles take several steps, and small enough for a few minutes.
  private static let smallModel = [
    "model.promptDepth=1", "model.predictorDepth=1", "model.width=32", "model.hidden=64",
    "model.latentWidth=16",
  ]

  private static func freeFolder() -> String {
    let base = "checkpoints/demo-text"
    let names = [base] + (2...).lazy.prefix(998).map { "\(base)-\($0)" }
    return names.first { name in
      ![name, "\(name)-task"].contains { FileManager.default.fileExists(atPath: $0) }
    } ?? base
  }

  public func run() throws {
    let task = "\(output)-task"
    say(
      "1/3 Making 4x4 sudokus: 16 digits, a point for an empty cell; 48 of the 288 grids only for the test"
    )
    try TaskMaker(TextTaskName.sudoku4.task(), seed: 0)
      .write(to: task, train: 60_000, test: 600)

    say("2/3 Training on \(task)/train.jsonl for \(String(format: "%g", minutes)) minutes")
    let outcome = try TextTrainingSession(
      file: "\(task)/train.jsonl", output: output,
      overrides: Self.smallModel + ["duration.minutes=\(minutes)", "threads=1"]
    ).run()
    guard outcome.isFinished else { return }

    say(
      "\n3/3 Planning answers of \(task)/test.jsonl; difficulty is the depth of a solver's search")
    let model = try PlannerModel.load(from: output)
    let dataset = try TextDataset(contentsOf: "\(task)/test.jsonl", limits: model.limits)
    let report = try TextEvaluation(Planner(model), on: dataset, seed: 0).report()
    try Data(report.json().utf8).write(to: URL(fileURLWithPath: "\(output)/evaluation.json"))
    say(report.table)

    let difficulties = dataset.examples.compactMap(\.difficulty)
    for (name, difficulty) in [("easy", difficulties.min()), ("hard", difficulties.max())] {
      guard let example = dataset.examples.first(where: { $0.difficulty == difficulty }) else {
        continue
      }
      try show(example, name: name, planner: tracing(model))
    }
    say(
      """

      Now with your own prompts and answers:
        scripts/jepa train text FILE.jsonl --output checkpoints/mine --minutes 10
        scripts/jepa plan "PROMPT" --checkpoint checkpoints/mine --trace
      """)
  }

  private func tracing(_ model: PlannerModel) -> Planner {
    var options = PlanningOptions()
    options.recordsTrace = true
    return Planner(model, options: options)
  }

  /// The first test prompt of a difficulty, with how it was answered.
  private func show(_ example: TextExample, name: String, planner: Planner) throws {
    let plan = try planner.plan([example.prompt])[0]
    let plot = "\(output)/trace-\(name).png"
    try TracePlot(plan, threshold: planner.model.threshold).write(toPNG: plot)
    say(
      """

      One \(name) prompt, of difficulty \(example.difficulty ?? 0)
      \(plan.traceTable(threshold: planner.model.threshold))
      expected    \(example.answer)   (\(plan.answer == example.answer ? "right" : "wrong"))
      drawn in    \(plot)
      """)
  }
}

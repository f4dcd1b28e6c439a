import Foundation
import TestSupport
import Testing
import TrainingRuns

@testable import TextPlanner

/// Training the baseline: it learns, it is stopped and goes on exactly, and it is like the planner.
@Suite struct BaselineTrainerTests {
  let folder = TemporaryPath("baseline")
  private var file: String { "\(folder.path)/data/train.jsonl" }

  init() throws {
    try TaskMaker(SortTask(difficulties: 2...3), seed: 1).write(
      to: "\(folder.path)/data", train: 300, test: 10)
  }

  private func train(
    _ name: String, steps: Int, everySteps: Int = 1000, resume: Bool = false
  ) throws -> TextTrainingOutcome {
    try BaselineTrainingSession(
      file: file, output: "\(folder.path)/\(name)",
      overrides: [
        "duration.steps=\(steps)", "batchSize=16", "model.width=16", "model.heads=2",
        "model.hidden=16", "model.promptDepth=1", "model.predictorDepth=1", "threads=1",
        "logEverySteps=5", "checkpoint.everySteps=\(everySteps)",
        "optimizer.learningRate={peak: 0.01, shape: constant}",
      ], isResuming: resume
    ).run()
  }

  private func metrics(_ name: String, _ key: String) throws -> [Double] {
    try String(contentsOfFile: "\(folder.path)/\(name)/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").compactMap { line in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return object?[key] as? Double
      }
  }

  @Test func theLossFalls() throws {
    let outcome = try train("run", steps: 60)
    #expect(outcome.isFinished)
    #expect(outcome.examples == 60 * 16)
    let losses = try metrics("run", "heldOutLoss")
    #expect(losses.count == 12)
    #expect(losses.last! < 0.8 * losses.first!)
    let model = try AutoregressiveModel.load(from: "\(folder.path)/run")
    #expect(model.limits == TextLimits(promptLength: 3, answerLength: 3))
  }

  @Test func aResumedRunIsTheSame() throws {
    _ = try train("whole", steps: 20)
    _ = try train("parts", steps: 10, everySteps: 10)
    _ = try train("parts", steps: 20, everySteps: 10, resume: true)
    for key in ["loss", "heldOutLoss", "gradientNorm"] {
      #expect(try metrics("parts", key) == metrics("whole", key))
    }
  }

  @Test func itIsLikeThePlanner() throws {
    var planner = TextTrainingConfiguration()
    planner.seed = 7
    planner.model.width = 32
    planner.batchSize = 48
    planner.promptLength = 9
    let baseline = BaselineConfiguration(like: planner, steps: 123)
    #expect(baseline.seed == 7)
    #expect(baseline.duration == .steps(123))
    #expect(baseline.model == planner.model)
    #expect(baseline.batchSize == 48)
    #expect(baseline.optimizer == planner.optimizer)
    #expect(baseline.heldOutShare == planner.heldOutShare)
    #expect(baseline.promptLength == 9)
  }

  @Test func aCheckpointOfAnotherKindIsNamed() throws {
    _ = try train("run", steps: 1)
    let checkpoint = try Checkpoint.open(at: "\(folder.path)/run")
    let error = #expect(throws: PlannerError.self) {
      try PlannerModel.load(from: "\(folder.path)/run")
    }
    #expect(
      error?.description
        == "\(checkpoint.path)/config.json: expected model_type swift-jepa-planner, "
        + "found swift-jepa-autoregressive")
  }
}

import Foundation
import Learning
import TestSupport
import Testing
import TrainingRuns

@testable import TextPlanner

/// Training the baseline: it learns, it is stopped and goes on exactly, and it is like the planner.
@Suite struct BaselineTrainerTests {
  let folder = TemporaryPath("baseline")

  init() throws {
    try TaskMaker(SortTask(difficulties: 2...3), seed: 1).write(
      to: "\(folder.path)/data", train: 300, test: 10)
  }

  /// Trains in the folder `name`; not by a session, of which a process can have only one at a time.
  private static func train(
    _ name: String, in folder: String, steps: Int, everySteps: Int = 1000, resume: Bool = false
  ) throws -> TrainingOutcome {
    let dataset = try TextDataset(contentsOf: "\(folder)/data/train.jsonl")
    let configuration = try ConfigurationReader.read(
      BaselineConfiguration.self,
      overrides: [
        "duration.steps=\(steps)", "batchSize=16", "model.width=16", "model.heads=2",
        "model.hidden=16", "model.promptDepth=1", "model.predictorDepth=1", "threads=1",
        "logEverySteps=5", "checkpoint.everySteps=\(everySteps)",
        "optimizer.learningRate={peak: 0.01, shape: constant}",
      ]
    ).resolved(for: dataset)
    let path = "\(folder)/\(name)"
    let run = resume ? try RunFolder.resume(at: path) : try RunFolder.create(at: path)
    return try TrainingLoop<BaselineLearner>(
      configuration, dataset: dataset, run: run, isResuming: resume
    ).train(
      reporter: ProgressReporter(duration: configuration.duration, secondsBetweenLines: 1e9))
  }

  private static func metrics(_ name: String, in folder: String, _ key: String) throws -> [Double] {
    try String(contentsOfFile: "\(folder)/\(name)/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").compactMap { line in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return object?[key] as? Double
      }
  }

  @Test func theLossFalls() throws {
    let outcome = try Self.train("run", in: folder.path, steps: 60)
    #expect(outcome.isFinished)
    #expect(outcome.items == 60 * 16)
    let losses = try Self.metrics("run", in: folder.path, "heldOutLoss")
    #expect(losses.count == 13, "the first step, and every fifth")
    #expect(losses.last! < 0.8 * losses.first!)
    let model = try AutoregressiveModel.load(from: "\(folder.path)/run")
    #expect(model.limits == TextLimits(promptLength: 3, answerLength: 3))
  }

  /// Losses of steps 1, 5, 10, 15 and 20 as they were when the loop was written.
  @Test func theLossCurveIsAsItWas() throws {
    _ = try Self.train("run", in: folder.path, steps: 20)
    #expect(
      try losses(
        ofRun: "\(folder.path)/run", are: [5.674203, 4.529108, 3.322505, 2.399760, 1.955203]))
  }

  /// In a process of its own: other tests change how many threads an operator takes.
  @Test func aResumedRunIsTheSame() async {
    await #expect(processExitsWith: .success) { [folder = folder.path as String] in
      _ = try Self.train("whole", in: folder, steps: 20)
      _ = try Self.train("parts", in: folder, steps: 10, everySteps: 10)
      _ = try Self.train("parts", in: folder, steps: 20, everySteps: 10, resume: true)
      for key in ["loss", "heldOutLoss", "gradientNorm"] {
        #expect(
          try Self.metrics("parts", in: folder, key) == Self.metrics("whole", in: folder, key))
      }
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
    _ = try Self.train("run", in: folder.path, steps: 1)
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

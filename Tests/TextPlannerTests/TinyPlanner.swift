import Foundation
import Learning
import TestSupport
import TrainingRuns

@testable import TextPlanner

/// A planner that learns in seconds to write a word of one to three letters backwards.
enum TinyPlanner {
  static let letters = ["a", "b", "c", "d"]

  static let examples: [TextExample] = {
    let two = letters.flatMap { first in letters.map { first + $0 } }
    let three = two.flatMap { first in letters.map { first + $0 } }
    return (letters + two + three).map {
      TextExample(prompt: $0, answer: String($0.reversed()))
    }
  }()

  static func configuration(_ overrides: [String] = []) throws -> TextTrainingConfiguration {
    try ConfigurationReader.read(
      TextTrainingConfiguration.self,
      overrides: [
        "duration.steps=6", "threads=1", "batchSize=32", "logEverySteps=1", "heldOutShare=0.05",
        "model.width=32", "model.heads=2", "model.hidden=64", "model.promptDepth=1",
        "model.predictorDepth=1", "model.latentWidth=16", "autoencoder.steps=150",
        "autoencoder.batchSize=64", "rollout.capacity=64",
      ] + overrides)
  }

  /// Writes examples to a file of their own.
  static func file(_ examples: [TextExample] = examples) throws -> TemporaryPath {
    let file = TemporaryPath("examples")
    let lines = try examples.map {
      String(decoding: try JSONEncoder().encode($0), as: UTF8.self)
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file.path))
    return file
  }

  /// Trains in `path` until `steps` are done in this session.
  @discardableResult
  static func train(
    _ configuration: TextTrainingConfiguration, on file: String, in path: String,
    isResuming: Bool = false, steps: Int = .max
  ) throws -> TrainingOutcome {
    let dataset = try TextDataset(contentsOf: file)
    let resolved = try configuration.resolved(for: dataset)
    let run = isResuming ? try RunFolder.resume(at: path) : try RunFolder.create(at: path)
    let loop = try TrainingLoop<PlannerLearner>(
      resolved, dataset: dataset, run: run, isResuming: isResuming)
    var taken = -1
    return try loop.train(
      reporter: ProgressReporter(duration: resolved.duration, secondsBetweenLines: 1e9)
    ) {
      taken += 1
      return taken == steps
    }
  }

  /// A run that has learned, made once; its folder stays for the process's life.
  static let trained = Result { try learned(along: .gradient) }
  /// The same along residuals.
  static let trainedAlongResiduals = Result { try learned(along: .residual) }

  private static func learned(along step: PlannerDirection) throws -> TemporaryPath {
    let (words, run) = (try TinyPlanner.file(), TemporaryPath("tiny-planner"))
    try train(
      configuration([
        "duration.steps=400", "logEverySteps=100", "objective.step=\(step.rawValue)",
      ]), on: words.path, in: run.path)
    return run
  }
}

import Files
import Foundation
import Learning
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// A run that is stopped and resumed learns what an uninterrupted one learns, to the last bit.
///
/// Each comparison has a process of its own: other tests change how many threads an operator takes, and
/// with it the order of sums.
@Suite struct TrainerResumeTests {
  static let steps = 6

  static func configuration(_ method: MethodName) throws -> ImageTrainingConfiguration {
    try ConfigurationReader.read(
      ImageTrainingConfiguration.self,
      overrides: [
        "duration.steps=\(steps)", "imageSize=32", "batchSize=4", "accumulation=2",
        "encoder.preset=conv-micro", "method.name=\(method.rawValue)", "threads=1",
        "logEverySteps=1", "optimizer.learningRate.warmup=0.3",
      ])
  }

  /// Trains in `path` until `steps` are done in this session.
  static func train(
    _ configuration: ImageTrainingConfiguration, on pictures: String, in path: String,
    isResuming: Bool, steps: Int
  ) throws -> TrainingOutcome {
    var taken = -1
    return try train(configuration, on: pictures, in: path, isResuming: isResuming) {
      taken += 1
      return taken == steps
    }
  }

  static func train(
    _ configuration: ImageTrainingConfiguration, on pictures: String, in path: String,
    isResuming: Bool, until shouldStop: @escaping () -> Bool
  ) throws -> TrainingOutcome {
    let folder = try ImageFolder(pictures)
    let resolved = try configuration.resolved(for: folder)
    let run =
      isResuming ? try RunFolder.resume(at: path) : try RunFolder.create(at: path)
    let loop = try TrainingLoop<ImageLearner>(
      resolved, dataset: folder, run: run, isResuming: isResuming)
    return try loop.train(
      reporter: ProgressReporter(duration: resolved.duration, secondsBetweenLines: 1e9),
      shouldStop: shouldStop)
  }

  @Test(arguments: MethodName.allCases)
  func stoppedAndResumedEqualsUninterrupted(method: MethodName) async throws {
    let pictures = try ColouredShapes(11)
    let runs = TemporaryPath("resume")
    await #expect(processExitsWith: .success) {
      [method, pictures = pictures.path as String, runs = runs.path as String] in
      let configuration = try Self.configuration(method)
      let whole = try Self.train(
        configuration, on: pictures, in: "\(runs)/whole", isResuming: false, steps: .max)
      #expect(whole.isFinished)
      // Stopped before the first step, after the first, and in the third epoch.
      let path = "\(runs)/parts"
      for (session, steps) in [0, 1, 3, .max].enumerated() {
        let part = try Self.train(
          configuration, on: pictures, in: path, isResuming: session > 0, steps: steps)
        #expect(part.isFinished == (steps == .max))
        #expect(part.checkpoint.step == [0, 1, 4, 6][session])
      }
      let expected = try lossCurve(ofRun: "\(runs)/whole")
      #expect(expected.count == Self.steps)
      #expect(try lossCurve(ofRun: path) == expected)
      for name in ["model.safetensors", "predictor.safetensors", "optimizer.safetensors"] {
        let found = try Data(contentsOf: URL(fileURLWithPath: "\(path)/latest/\(name)"))
        let wanted = try Data(contentsOf: URL(fileURLWithPath: whole.checkpoint.file(name)))
        #expect(found == wanted, "\(name)")
      }
    }
  }

  /// Six losses of each method as they were when the loop was written.
  @Test(arguments: [
    (MethodName.views, [0.788142, 0.861575, 1.034174, 0.912419, 0.685840, 0.567402]),
    (.lejepa, [0.163330, 0.161717, 0.160213, 0.149568, 0.147166, 0.142657]),
    (.masks, [0.628273, 0.624251, 0.606020, 0.576065, 0.557847, 0.542844]),
    (.ijepa, [0.389708, 0.400917, 0.396942, 0.390345, 0.387974, 0.382837]),
  ])
  func theLossCurveIsAsItWas(method: MethodName, expected: [Double]) throws {
    let (pictures, run) = (try ColouredShapes(11), TemporaryPath("curve"))
    var configuration = try Self.configuration(method)
    configuration.precision = .float32
    _ = try Self.train(
      configuration, on: pictures.path, in: run.path, isResuming: false, steps: .max)
    #expect(try losses(ofRun: run.path, are: expected))
  }

  @Test func anotherNumberOfPicturesIsRefused() throws {
    let (pictures, others) = (try ColouredShapes(6), try ColouredShapes(7))
    let run = TemporaryPath("resume")
    let configuration = try Self.configuration(.views)
    _ = try Self.train(configuration, on: pictures.path, in: run.path, isResuming: false, steps: 1)
    #expect(
      throws: RunError.samplerChanged(
        what: "the number of pictures", expected: "6", found: "7",
        advice: "from this one's encoder with --initial \(run.path)")
    ) {
      _ = try Self.train(
        configuration, on: others.path, in: run.path, isResuming: true, steps: 1)
    }
  }

  /// A folder that goes away costs nothing of what was learned before.
  @Test func whatWasLearnedIsSavedWhenTheFolderGoesAway() throws {
    let pictures = try ColouredShapes(6)
    let run = TemporaryPath("vanishing")
    var configuration = try Self.configuration(.views)
    configuration.duration = .steps(500)
    var steps = 0
    #expect(throws: ImageError.self) {
      _ = try Self.train(configuration, on: pictures.path, in: run.path, isResuming: false) {
        steps += 1
        if steps == 3 { try? FileManager.default.removeItem(atPath: pictures.path) }
        return false
      }
    }
    let saved = try Checkpoint.open(at: run.path).step
    #expect(saved >= 2)
    #expect(try lossCurve(ofRun: run.path).count == saved)
  }

  /// The writer of weights names a full disk in its own words, and it is known all the same.
  @Test func aFullDiskWhileWritingWeightsIsNamed() throws {
    let run = TemporaryPath("full")
    let folder = try RunFolder.create(at: run.path)
    #expect(throws: FileError.diskFull(path: run.path)) {
      try folder.publishCheckpoint(step: 1) { path in
        throw SafetensorsError.system(
          path: "\(path)/model.safetensors", operation: "write", errorNumber: ENOSPC)
      }
    }
  }

  @Test func anotherFolderOfPicturesIsRefused() throws {
    let (pictures, others) = (try ColouredShapes(6), try ColouredShapes(6, seed: 2))
    let run = TemporaryPath("resume")
    let configuration = try Self.configuration(.views)
    _ = try Self.train(configuration, on: pictures.path, in: run.path, isResuming: false, steps: 1)
    #expect {
      _ = try Self.train(
        configuration, on: others.path, in: run.path, isResuming: true, steps: 1)
    } throws: { error in
      guard case RunError.samplerChanged(let what, _, _, _) = error else { return false }
      return what == "the folder of pictures"
    }
  }
}

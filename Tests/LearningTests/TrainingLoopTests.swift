import EnergyDescent
import Foundation
import Learning
import TestSupport
import Testing
import Torch
import TrainingRuns

/// The loop that every learner is trained by.
@Suite struct TrainingLoopTests {
  let run = TemporaryPath("loop")

  private func loggedSteps(_ path: String) throws -> [Int] {
    try lossCurve(ofRun: path).map { line in
      try #require(Int(line.split(separator: ",")[0].split(separator: ":")[1]))
    }
  }

  @Test func aStoppedAndResumedRunIsTheSame() throws {
    for accumulation in [1, 3] {
      var configuration = TinyConfiguration()
      configuration.accumulation = accumulation
      let (whole, parts) = ("\(run.path)/\(accumulation)", "\(run.path)/\(accumulation)-parts")
      let outcome = try TinyLearner.loop(configuration, in: whole).train()
      #expect(outcome.isFinished && outcome.items == 6 * 4 * accumulation)
      for (session, steps) in [0, 1, 2, .max].enumerated() {
        let loop = try TinyLearner.loop(configuration, in: parts, isResuming: session > 0)
        let part = try loop.train(steps: steps)
        #expect(part.checkpoint.step == [0, 1, 3, 6][session])
        #expect(loop.learner.memory.stepsFollowed == part.checkpoint.step)
        #expect(loop.learner.ends == 1)
      }
      #expect(try lossCurve(ofRun: parts) == lossCurve(ofRun: whole))
      for name in ["model", "optimizer", "monitor"] {
        #expect(
          FileManager.default.contentsEqual(
            atPath: "\(parts)/latest/\(name).safetensors",
            andPath: "\(whole)/latest/\(name).safetensors"), "\(name)")
      }
    }
  }

  /// The good checkpoints would be rotated out.
  @Test func nothingIsSavedWhileCollapseIsSuspected() throws {
    var configuration = TinyConfiguration()
    configuration.checkpoint.everySteps = 1
    configuration.logEverySteps = 1
    try TinyLearner.loop(configuration, in: "\(run.path)/good").train(steps: 3)
    #expect(try Checkpoint.open(at: "\(run.path)/good").step == 3)

    // A learner's own suspicion.
    let own = "\(run.path)/own"
    let dataset = TinyLearner.Dataset(batches: 4, isSuspected: true)
    let loop = try TinyLearner.loop(configuration, on: dataset, in: own)
    var saved: [Int?] = []
    #expect(throws: TinyLearner.DataAreGone.self) {
      try loop.train(
        reporter: ProgressReporter(duration: .steps(1), secondsBetweenLines: 1e9)
      ) {
        saved.append(loop.lastCheckpoint?.step)
        return false
      }
    }
    #expect(saved == [nil, nil, nil, nil, nil])

    // The embeddings': strikes from step 3 on, and a verdict at step 5.
    configuration.collapse.minimumSpread = 1e9
    (configuration.collapse.graceSteps, configuration.collapse.graceShare) = (3, 0)
    configuration.collapse.patience = 3
    let collapsing = try TinyLearner.loop(configuration, in: "\(run.path)/collapsing")
    #expect {
      try collapsing.train()
    } throws: { error in
      guard case TrainingError.collapsed(let verdict, let lastGood) = error else { return false }
      return verdict.step == 5 && lastGood?.hasSuffix("/step-0000002") == true
    }
  }

  /// What was learned so far is not lost with the data.
  @Test func dataThatGoAwayLeaveACheckpoint() throws {
    let loop = try TinyLearner.loop(on: .init(batches: 3), in: run.path)
    #expect(throws: TinyLearner.DataAreGone.self) { try loop.train() }
    #expect(loop.learner.ends == 1)
    #expect(try Checkpoint.open(at: run.path).step == 3)
  }

  /// The same process can go on from what was saved, on the same machine with more memory.
  @Test func outOfMemoryIsAnErrorThatARunGoesOnFrom() throws {
    var configuration = TinyConfiguration()
    configuration.checkpoint.everySteps = 2
    configuration.logEverySteps = 1
    let (whole, short) = ("\(run.path)/whole", "\(run.path)/short")
    try TinyLearner.loop(configuration, in: whole).train()
    for (hugeBatch, lastGood) in [(1, nil), (5, "step-0000004")] as [(Int, String?)] {
      let loop = try TinyLearner.loop(
        configuration, on: .init(hugeBatch: hugeBatch), in: short, isResuming: lastGood != nil)
      #expect {
        try loop.train()
      } throws: { error in
        guard case TrainingError.failed(let reason, let advice, let good) = error else {
          return false
        }
        return reason == "out of memory on cpu: empty asked for 1.0 PiB"
          && advice == TinyConfiguration.memoryAdvice
          && good == lastGood.map { "\(short)/\($0)" }
      }
      #expect(loop.learner.ends == 1)
    }
    try TinyLearner.loop(configuration, in: short, isResuming: true).train()
    #expect(try lossCurve(ofRun: short) == lossCurve(ofRun: whole))
  }

  @Test func otherDataAreRefusedAndTheConfigurationStays() throws {
    try TinyLearner.loop(in: run.path).train(steps: 1)
    let before = try String(contentsOfFile: "\(run.path)/config.yaml", encoding: .utf8)
    var longer = TinyConfiguration()
    longer.duration = .steps(99)
    for (dataset, what, old, new) in [
      (TinyLearner.Dataset(count: 11), "the number of numbers", "10", "11"),
      (TinyLearner.Dataset(fingerprint: "other"), "the numbers", "ten", "other"),
    ] {
      #expect(
        throws: RunError.samplerChanged(
          what: what, expected: old, found: new, advice: "with more numbers than \(run.path)")
      ) { _ = try TinyLearner.loop(longer, on: dataset, in: run.path, isResuming: true) }
    }
    #expect(try String(contentsOfFile: "\(run.path)/config.yaml", encoding: .utf8) == before)
    _ = try TinyLearner.loop(longer, in: run.path, isResuming: true)
    #expect(
      try RunFolder.configuration(TinyConfiguration.self, at: run.path).duration == .steps(99))
  }

  /// Runs of fewer steps than `logEverySteps` logged nothing.
  @Test func theFirstAndTheLastStepAreLogged() throws {
    var configuration = TinyConfiguration()
    configuration.logEverySteps = 20
    try TinyLearner.loop(configuration, in: "\(run.path)/short").train()
    #expect(try loggedSteps("\(run.path)/short") == [1, 6])
    // The last step of a session is not the run's.
    configuration.logEverySteps = 4
    try TinyLearner.loop(configuration, in: "\(run.path)/long").train(steps: 3)
    #expect(try loggedSteps("\(run.path)/long") == [1])
    try TinyLearner.loop(configuration, in: "\(run.path)/long", isResuming: true).train()
    #expect(try loggedSteps("\(run.path)/long") == [1, 4, 6])
    try TinyLearner.loop(configuration, in: "\(run.path)/long-whole").train()
    #expect(
      try lossCurve(ofRun: "\(run.path)/long") == lossCurve(ofRun: "\(run.path)/long-whole"))
  }

  @Test func howOftenIsLoggedChangesNothingOfWhatIsLearned() throws {
    let curves = try [1, 3].map { every in
      var configuration = TinyConfiguration()
      configuration.logEverySteps = every
      try TinyLearner.loop(configuration, in: "\(run.path)/\(every)").train()
      return Set(try lossCurve(ofRun: "\(run.path)/\(every)"))
    }
    #expect(curves[0].isSuperset(of: curves[1]))
  }

  @Test func aRunThatIsOverHasNothingToDo() throws {
    #expect(try TinyLearner.loop(in: run.path).finished == nil)
    try TinyLearner.loop(in: run.path, isResuming: true).train(steps: 2)
    #expect(try TinyLearner.loop(in: run.path, isResuming: true).finished == nil)
    try TinyLearner.loop(in: run.path, isResuming: true).train()
    let finished = try #require(try TinyLearner.loop(in: run.path, isResuming: true).finished)
    #expect(finished.isFinished && finished.checkpoint.step == 6 && finished.items == 0)
    var longer = TinyConfiguration()
    longer.duration = .steps(7)
    #expect(try TinyLearner.loop(longer, in: run.path, isResuming: true).finished == nil)
  }

  @Test func embeddingsThatAreOnePointAreWarnedOf() {
    let monitor = CollapseMonitor(CollapseConfiguration())
    #expect(monitor.warning(spread: 0.3, step: 1) == nil)
    #expect(
      monitor.warning(spread: 0, step: 1)
        == "at step 1 all pictures get nearly one embedding (spread 0, expected at least 0.02): "
        + "are they all alike?")
    var configuration = CollapseConfiguration()
    configuration.isWatched = false
    #expect(CollapseMonitor(configuration).warning(spread: 0, step: 1) == nil)
  }

  /// Baselines of version 0.1.0 saved neither a generator nor strikes.
  @Test func aCheckpointWithoutAGeneratorIsGoneOnFrom() throws {
    let checkpoint = try TinyLearner.loop(in: run.path).train(steps: 2).checkpoint
    let file = checkpoint.file("state.json")
    let object = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: file)))
    var state = try #require(object as? [String: Any])
    #expect(state.removeValue(forKey: "generator") != nil)
    #expect(state.removeValue(forKey: "collapseStrikes") != nil)
    try FileManager.default.removeItem(atPath: checkpoint.path)
    let folder = try RunFolder.resume(at: run.path)
    try folder.publishCheckpoint(step: 2) { path in
      try JSONSerialization.data(withJSONObject: state)
        .write(to: URL(fileURLWithPath: "\(path)/state.json"))
      let layer = Linear(4, 2, using: RandomGenerator(seed: 0))
      try SafetensorsWriter.write(layer.state, to: "\(path)/model.safetensors")
      try SafetensorsWriter.write([], to: "\(path)/optimizer.safetensors")
    }
    let loop = try TrainingLoop<TinyLearner>(
      TinyConfiguration(), dataset: .init(), run: folder, isResuming: true)
    #expect(try loop.train().checkpoint.step == 6)
  }
}

import Files
import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import TextPlanner

/// Runs that train a planner.
///
/// Comparisons to the last bit have a process of their own: other tests change how many threads an operator
/// takes, and with it the order of sums.
@Suite struct TextTrainingTests {
  static let steps = 6

  @Test(arguments: ObjectiveFamily.allCases)
  func stoppedAndResumedEqualsUninterrupted(family: ObjectiveFamily) async throws {
    let (file, runs) = (try TinyPlanner.file(), TemporaryPath("resume"))
    await #expect(processExitsWith: .success) {
      [family, file = file.path as String, runs = runs.path as String] in
      let configuration = try TinyPlanner.configuration(
        ["objective.family=\(family.rawValue)", "autoencoder.neededExact=0"]
          + (family == .contrastive ? ["memory.entries=2"] : [])
          + (family == .sigreg ? ["objective.step=gradient"] : [])
          + (family == .hinge
            ? [
              "objective.step=residual", "rollout.noise=0.2", "keeping.everySteps=2",
              "keeping.averaging=0.9",
            ] : []))
      let whole = try TinyPlanner.train(configuration, on: file, in: "\(runs)/whole")
      #expect(whole.isFinished)
      // Stopped before the first step, after the first, and after the fourth.
      let path = "\(runs)/parts"
      for (session, steps) in [0, 1, 3, .max].enumerated() {
        let part = try TinyPlanner.train(
          configuration, on: file, in: path, isResuming: session > 0, steps: steps)
        #expect(part.isFinished == (steps == .max))
        #expect(part.checkpoint.step == [0, 1, 4, 6][session])
      }
      let expected = try lossCurve(ofRun: "\(runs)/whole")
      #expect(expected.count == Self.steps)
      #expect(try lossCurve(ofRun: path) == expected)
      for name in [
        "model.safetensors", "optimizer.safetensors", "rollout.safetensors", "rollout.json",
        "learning.safetensors", "trained.safetensors",
      ] {
        let found = try Data(contentsOf: URL(fileURLWithPath: "\(path)/latest/\(name)"))
        let wanted = try Data(contentsOf: URL(fileURLWithPath: whole.checkpoint.file(name)))
        #expect(found == wanted, "\(name)")
      }
    }
  }

  /// Six losses as they were when the loop was written.
  @Test func theLossCurveIsAsItWas() throws {
    let (file, run) = (try TinyPlanner.file(), TemporaryPath("curve"))
    let configuration = try TinyPlanner.configuration([
      "autoencoder.neededExact=0", "objective.step=gradient",
    ])
    try TinyPlanner.train(configuration, on: file.path, in: run.path)
    #expect(
      try losses(
        ofRun: run.path, are: [5.692540, 5.590328, 5.118953, 4.376407, 3.795161, 3.730524]))
  }

  /// Runs of before there was a choice went along the gradient, and go on so.
  @Test func aRunThatDoesNotSayWhatItGoesAlongGoesOnAlongTheGradient() throws {
    let (file, run) = (try TinyPlanner.file(), TemporaryPath("earlier"))
    let settings = ["autoencoder.neededExact=0", "objective.step=gradient"]
    try TinyPlanner.train(
      TinyPlanner.configuration(settings), on: file.path, in: run.path, steps: 2)
    let path = "\(run.path)/config.yaml"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let earlier = text.replacing("  step: gradient\n", with: "")
      .replacing("  noise: 0.0\n", with: "")
    #expect(earlier.split(separator: "\n").count == text.split(separator: "\n").count - 2)
    try Data(earlier.utf8).write(to: URL(fileURLWithPath: path))

    let outcome = try TextTrainingSession(
      file: file.path, output: run.path, isResuming: true
    ).run()
    #expect(outcome.isFinished && outcome.checkpoint.step == 6)
    #expect(try PlannerModel.load(from: run.path).step == .gradient)
    #expect(
      try ConfigurationReader.read(TextTrainingConfiguration.self).objective.step == .residual)
  }

  @Test func whatSuitsTheStepIsWrittenDown() throws {
    let file = try TinyPlanner.file()
    let dataset = try TextDataset(contentsOf: file.path)
    for (step, capacity, noise) in [("gradient", 2048, 0.0), ("residual", 768, 0.2)] {
      var configuration = try TinyPlanner.configuration([
        "objective.step=\(step)", "rollout.maximumLifetime=5",
      ])
      configuration.rollout.capacity = nil
      let rollout = try configuration.resolved(for: dataset).rollout
      #expect(rollout.capacity == capacity && rollout.noise == noise)
      #expect(rollout.maximumLifetime == 5 && rollout.share != nil)
    }
  }

  @Test func otherExamplesAreRefused() throws {
    let (file, run) = (try TinyPlanner.file(), TemporaryPath("resume"))
    let configuration = try TinyPlanner.configuration(["autoencoder.neededExact=0"])
    try TinyPlanner.train(configuration, on: file.path, in: run.path, steps: 1)
    var examples = TinyPlanner.examples
    examples[0].answer = "b"
    let other = try TinyPlanner.file(examples)
    #expect {
      try TinyPlanner.train(configuration, on: other.path, in: run.path, isResuming: true)
    } throws: { error in
      guard case RunError.samplerChanged(let what, _, _, _) = error else { return false }
      return what == "the file of examples"
    }
  }

  /// An energy of any family is finite and moves every weight it is trained with.
  @Test(arguments: ObjectiveFamily.allCases)
  func everyFamilyMovesAllWeights(family: ObjectiveFamily) throws {
    let generator = RandomGenerator(seed: 1)
    let pairs = try TrainingPairsTests.pairs(TinyPlanner.examples)
    let model = PlannerModelTests.model(
      .float32, limits: TextLimits(promptLength: 4, answerLength: 4))
    var configuration = ObjectiveConfiguration()
    configuration.family = family
    let objective = PlannerObjective(
      model, pairs: pairs, configuration: configuration, memory: nil, using: generator)
    var draws = SeededGenerator(seed: 1)
    let latents = Tensor.normal(model.latentShape(4), using: generator)
    let items = Array(pairs.trained.prefix(16))
    let step = objective(
      fresh: Array(items.prefix(12)), rollouts: Array(items.suffix(4)), latents: latents, step: 0,
      draws: &draws)
    #expect(step.loss.item().isFinite)
    let names = Set(step.terms.map(\.name))
    #expect(names.isSuperset(of: ["regression", "reconstruction", "trueEnergy"]))
    #expect(names.contains(family.rawValue) == (family != .none))
    #expect(step.directions.shape == model.latentShape(4))
    step.loss.backward()
    for (name, tensor) in model.parameters
    where !name.hasPrefix("autoencoder") && !name.contains("answer_positions")
      && name != "prompt.entry"
    {
      let gradient = try #require(tensor.gradient, "\(name)")
      #expect(gradient.abs().max().item() > 0, "\(name)")
    }
    // The next step leaves out the family's term.
    let next = objective(
      fresh: items, rollouts: [], latents: nil, step: 1, draws: &draws)
    #expect(next.terms.map(\.name) == ["regression", "reconstruction"])
  }

  // MARK: The answer autoencoder

  @Test func theAutoencoderGivesAnswersBack() throws {
    let pairs = try TrainingPairsTests.pairs(TinyPlanner.examples)
    let configuration = try TinyPlanner.configuration()
    let model = PlannerModel(
      configuration.model, limits: PlannerModelTests.model(.float32).limits,
      using: RandomGenerator(seed: 3))
    let training = AutoencoderTraining(
      configuration: configuration.autoencoder, pairs: pairs, vocabulary: model.vocabulary)
    #expect(try training.train(model.autoencoder, using: RandomGenerator(seed: 1)) == 1)
    // Latents have mean 0 and variance 1.
    let latents = model.autoencoder.encode(model.symbols(ofAnswers: ["abc"]))
    #expect(latents.mean(-1).abs().max().item() < 1e-5)
    #expect((latents.variance(-1, correction: 0) - 1).abs().max().item() < 1e-2)
  }

  @Test func anAutoencoderThatDoesNotIsAnError() throws {
    let (file, run) = (try TinyPlanner.file(), TemporaryPath("gate"))
    #expect {
      try TinyPlanner.train(
        TinyPlanner.configuration(["autoencoder.steps=1"]), on: file.path, in: run.path)
    } throws: { error in
      let text = "\(error)"
      return text.hasPrefix("the answer autoencoder gives back ")
        && text.hasSuffix(
          "after 1 steps, needed are 99.9 %: raise autoencoder.steps, model.latentWidth or "
            + "model.symbolWidth")
    }
    #expect(throws: RunError.noCheckpoint(path: run.path)) {
      _ = try PlannerModel.load(from: run.path)
    }
  }

  // MARK: The threshold

  @Test func theThresholdAcceptsTruthsAndWhatIsRight() {
    #expect(ThresholdCalibration.bound(onTruths: (0..<1000).map { Double(1000 - $0) }) == 991)
    #expect(ThresholdCalibration.bound(onTruths: [3]) == 3)
    func bound(_ isRight: [Bool]) -> Double? {
      ThresholdCalibration.bound(
        onOwn: isRight.enumerated().map { (energy: Double($0), isRight: $1) })
    }
    #expect(bound([true, true, true]) == nil)
    #expect(bound([true, true, false, false]) == 1.0.nextUp)
    #expect(bound([false, true, true]) == 0, "the lowest is wrong: nothing is trusted")
    // One mistake in a hundred is let through.
    let many = [Bool](repeating: true, count: 60) + [false] + [Bool](repeating: true, count: 60)
    #expect(bound(many + [false, false, false]) == 120.0.nextUp)
  }

  // MARK: Runs that go wrong

  @Test func aLossThatIsNotANumberNamesTheStepAndThePrompts() throws {
    let (file, run) = (try TinyPlanner.file(), TemporaryPath("diverged"))
    do {
      try TinyPlanner.train(
        TinyPlanner.configuration([
          "duration.steps=50", "optimizer.learningRate.peak=1e30",
          "optimizer.learningRate.warmup=0", "autoencoder.neededExact=0",
          "checkpoint.everySteps=1",
        ]), on: file.path, in: run.path)
      Issue.record("a learning rate of 1e30 must diverge")
    } catch TrainingError.diverged(let step, _, _, let prompts, let advice, let lastGood) {
      #expect(step >= 2 && step < 50 && prompts.count == 32)
      #expect(prompts.allSatisfy { $0.hasPrefix("'") && $0.count <= 5 })
      #expect(advice == "Lower optimizer.learningRate.peak.")
      #expect(lastGood == "\(run.path)/step-000000\(step - 1)")
    }
  }

  @Test func aCollapsedRunStopsWithAVerdict() throws {
    let (file, run) = (try TinyPlanner.file(), TemporaryPath("collapsed"))
    do {
      try TinyPlanner.train(
        TinyPlanner.configuration([
          "duration.steps=20", "collapse.minimumSpread=1e9", "collapse.graceSteps=3",
          "collapse.patience=2", "collapse.graceShare=0", "autoencoder.neededExact=0",
        ]), on: file.path, in: run.path)
      Issue.record("the run must be called collapsed")
    } catch TrainingError.collapsed(let verdict, _) {
      #expect(verdict.step == 4)
      #expect(verdict.advice.hasPrefix("All prompts get nearly one embedding. "))
    }
  }

  @Test(arguments: [
    ("batchSize=1", "batchSize: 2 to 65536, found 1"),
    ("heldOutShare=0", "heldOutShare: above 0, at most 0.5, found 0.0"),
    ("logEverySteps=0", "logEverySteps: at least 1, found 0"),
    ("threads=0", "threads: 1 to 1024, found 0"),
    ("answerLength=0", "answerLength: 1 to 65536, found 0"),
    ("checkpoint.keep=0", "checkpoint.keep: at least 1, found 0"),
    ("optimizer.learningRate.peak=0", "optimizer.learningRate.peak: above 0, found 0.0"),
    ("optimizer.beta1=1", "optimizer.beta1: 0 to below 1, found 1.0"),
    ("optimizer.clipNorm=0", "optimizer.clipNorm: above 0 or null, found 0.0"),
    ("model.width=30", "model.width: a positive multiple of twice the heads (2), found 30"),
    ("model.predictorDepth=0", "model.predictorDepth: 1 to 64, found 0"),
    ("model.latentWidth=1", "model.latentWidth: 2 to 65536, found 1"),
    ("autoencoder.steps=0", "autoencoder.steps: at least 1, found 0"),
    ("autoencoder.neededExact=2", "autoencoder.neededExact: 0 to 1, found 2.0"),
    ("objective.everySteps=0", "objective.everySteps: at least 1, found 0"),
    ("objective.share=0", "objective.share: above 0, at most 1, found 0.0"),
    ("objective.familyWeight=-1", "objective.familyWeight: 0 or more, found -1.0"),
    ("objective.hingeDeviation=0", "objective.hingeDeviation: above 0, found 0.0"),
    ("rollout.capacity=0", "rollout.capacity: 1 to 1000000, found 0"),
    ("rollout.share=1", "rollout.share: 0 to below 1, found 1.0"),
    (
      "rollout.minimumStepSize=2",
      "rollout.minimumStepSize: above 0 and not above maximumStepSize, which is at most 2"
    ),
    (
      "rollout.minimumLifetime=20",
      "rollout.minimumLifetime: at least 1 and not above maximumLifetime, found 20"
    ),
    ("memory.entries=-1", "memory.entries: 0 to 64, found -1"),
    ("memory.dropout=2", "memory.dropout: 0 to 1, found 2.0"),
    ("objective.unroll=0", "objective.unroll: 1 to 16, found 0"),
    ("rollout.noise=1", "rollout.noise: 0 to below 1, found 1.0"),
    ("keeping.averaging=1", "keeping.averaging: 0 to below 1, found 1.0"),
    ("keeping.everySteps=0", "keeping.everySteps: at least 1, found 0"),
    ("keeping.prompts=0", "keeping.prompts: 1 to 65536, found 0"),
  ])
  func settingsThatCannotWorkAreRefused(setting: String, message: String) throws {
    let file = try TinyPlanner.file()
    let dataset = try TextDataset(contentsOf: file.path)
    #expect {
      _ = try TinyPlanner.configuration([setting]).resolved(for: dataset)
    } throws: { error in
      if "\(error)" != message { Issue.record("\(error)") }
      return true
    }
  }

  @Test func lengthsAreThoseOfTheFile() throws {
    let file = try TinyPlanner.file()
    let dataset = try TextDataset(contentsOf: file.path)
    let resolved = try TinyPlanner.configuration().resolved(for: dataset)
    #expect(resolved.promptLength == 3 && resolved.answerLength == 3)
  }
}

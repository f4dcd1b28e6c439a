import EnergyDescent
import Foundation
import Logging
import Torch
import TrainingRuns

/// Trains an autoregressive baseline on prompts and answers, in one run folder, with the planner's update
/// rule: the likelihood of each symbol given those before.
public final class BaselineTrainer {
  /// Everything beside the tensors that a run needs to go on exactly.
  private struct State: Codable {
    var progress = RunProgress()
    var sampler: EpochSampler.State
    var dataFingerprint: String
  }

  private let configuration: BaselineConfiguration
  private let run: RunFolder
  private let pairs: TrainingPairs
  private let model: AutoregressiveModel
  private let descent: WeightDescent
  private let metrics: MetricsLog
  private var state: State
  private var lastCheckpoint: Checkpoint?

  /// Makes everything ready for the first step, or for the step after the last checkpoint.
  ///
  /// - Parameters:
  ///   - configuration: resolved for the data.
  ///   - dataset: prompts and answers.
  ///   - run: the run's folder, new or resumed.
  ///   - isResuming: whether `run` may hold a checkpoint to go on from.
  /// - Throws: `RunError`, `TorchError`.
  public init(
    _ configuration: BaselineConfiguration, dataset: TextDataset, run: RunFolder, isResuming: Bool
  ) throws {
    guard let promptLength = configuration.promptLength,
      let answerLength = configuration.answerLength
    else { preconditionFailure("training with a configuration that is not resolved") }
    self.configuration = configuration
    self.run = run
    let device = try Device(configuration.device)
    Session.threadCount =
      configuration.threads ?? min(4, ProcessInfo.processInfo.activeProcessorCount)
    Session.flushDenormals()

    model = AutoregressiveModel(
      configuration.model,
      limits: TextLimits(promptLength: promptLength, answerLength: answerLength),
      using: RandomGenerator(seed: configuration.seed))
    model.move(to: device)
    pairs = TrainingPairs(
      dataset, vocabulary: model.vocabulary, answerLength: answerLength,
      heldOutShare: configuration.heldOutShare, seed: configuration.seed)
    descent = WeightDescent([(name: "model", module: model)], configuration.optimizer)
    state = State(
      sampler: EpochSampler.State(seed: configuration.seed, itemCount: pairs.trained.count),
      dataFingerprint: dataset.fingerprintText)

    lastCheckpoint = isResuming ? try run.latestCheckpoint() : nil
    if let lastCheckpoint {
      state = try JSONFile.read(State.self, from: lastCheckpoint.file("state.json"))
      guard state.dataFingerprint == dataset.fingerprintText else {
        throw RunError.samplerChanged(
          what: "the file of examples", expected: state.dataFingerprint,
          found: dataset.fingerprintText)
      }
      try model.loadState(
        from: SafetensorsFile(path: lastCheckpoint.file(AutoregressiveModel.weightsName)))
      try descent.restore(from: SafetensorsFile(path: lastCheckpoint.file("optimizer.safetensors")))
    }
    metrics = try MetricsLog(in: run, resumingAfter: isResuming ? state.progress.step : nil)
    try run.record(
      RunEnvironment(
        torch: Session.torchVersion, device: device.description, threads: Session.threadCount,
        dataFingerprint: dataset.fingerprintText, seed: configuration.seed,
        firstStep: state.progress.step))
  }

  public var trainedCount: Int { pairs.trained.count }
  public var parameterCount: Int { model.parameterCount }
  /// What a resumed run goes on from; nil for a new one.
  public var resumedFrom: Checkpoint? { lastCheckpoint }

  /// Trains to the end of the run, or until `shouldStop` says so after a step.
  ///
  /// - Throws: `TrainingError.diverged`; `RunError`. What was saved before stays.
  public func train(
    reporter: ProgressReporter, shouldStop: () -> Bool = { false }
  ) throws -> TextTrainingOutcome {
    let clock = ContinuousClock()
    let start = clock.now
    let secondsBefore = state.progress.seconds
    var sampler = try EpochSampler(
      resuming: state.sampler, itemCount: pairs.trained.count, batchSize: configuration.batchSize)
    var lastSave = start
    var examples = 0

    while !configuration.duration.isOver(at: state.progress) && !shouldStop() {
      let progress = configuration.duration.fraction(at: state.progress)
      let drawn = sampler.nextBatch()
      let items = drawn.items.map { pairs.trained[$0.index] }

      let loss = loss(of: pairs.batch(items, device: model.device))
      try check(loss, "loss", items: items)
      loss.backward()
      let rate = configuration.optimizer.learningRate.value(at: progress)
      let gradientNorm = descent.step(stepSize: rate)
      try check(gradientNorm, "gradient", items: items)

      examples += items.count
      state.sampler = drawn.stateAfter
      state.progress.step += 1
      state.progress.epoch = state.sampler.epochs
      state.progress.seconds = secondsBefore + (clock.now - start) / .seconds(1)

      if state.progress.step % configuration.logEverySteps == 0 {
        let logged =
          [Metric("loss", loss.item())] + heldOutMetrics() + [
            Metric("learningRate", rate), Metric("gradientNorm", gradientNorm.item()),
          ]
        try metrics.log(logged, at: state.progress)
        reporter.update(state.progress, items: examples, metrics: logged)
      } else {
        reporter.update(state.progress, items: examples)
      }
      if configuration.checkpoint.isDue(
        after: state.progress.step, minutesSinceLast: (clock.now - lastSave) / .seconds(60))
      {
        try save()
        lastSave = clock.now
      }
    }
    reporter.finish(state.progress, items: examples)
    if lastCheckpoint?.step != state.progress.step { try save() }
    return TextTrainingOutcome(
      progress: state.progress, isFinished: configuration.duration.isOver(at: state.progress),
      checkpoint: lastCheckpoint!, examples: examples,
      seconds: (clock.now - start) / .seconds(1))
  }

  /// The cross-entropy of a symbol, averaged over all of the batch: a scalar.
  private func loss(of batch: PairBatch) -> Tensor {
    model.negativeLogLikelihoods(batch.answers, model.context(batch.prompts)).sum()
      / model.symbolCounts(batch.answers).sum()
  }

  /// The loss of some held-out pairs, and how many of them are answered right symbol by symbol.
  private func heldOutMetrics() -> [Metric] {
    model.inferring {
      let items = Array(pairs.heldOut.prefix(128))
      let batch = pairs.batch(items, device: model.device)
      let written = model.write(model.context(batch.prompts))
      let right = (written.symbols .== batch.answers).all(1).to(.float32)
      return [
        Metric("heldOutLoss", loss(of: batch).item()),
        Metric("exactMatch", right.mean().item()),
      ]
    }
  }

  /// Reading a number waits for it; on a CPU it is there already.
  private func check(_ value: Tensor, _ name: String, items: [Int]) throws {
    let number = value.item()
    guard number.isFinite else {
      throw TrainingError.diverged(
        step: state.progress.step + 1, what: name, value: "\(number)",
        files: pairs.excerpts(items), advice: "Lower optimizer.learningRate.peak.",
        lastGood: lastCheckpoint?.path)
    }
  }

  private func save() throws {
    try metrics.synchronize()
    lastCheckpoint = try run.publishCheckpoint(
      step: state.progress.step, keep: configuration.checkpoint.keep
    ) { folder in
      try model.save(to: folder)
      try SafetensorsWriter.write(descent.state, to: "\(folder)/optimizer.safetensors")
      try JSONFile.write(state, to: "\(folder)/state.json")
      try ConfigurationReader.yaml(of: configuration)
        .write(toFile: "\(folder)/config.yaml", atomically: false, encoding: .utf8)
    }
  }
}

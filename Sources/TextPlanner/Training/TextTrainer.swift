import EnergyDescent
import Foundation
import Logging
import Torch
import TrainingRuns

/// How a session of training a planner ended, when nothing went wrong.
public struct TextTrainingOutcome: Sendable {
  public let progress: RunProgress
  /// Whether the run reached its end, rather than being asked to stop.
  public let isFinished: Bool
  public let checkpoint: Checkpoint
  /// Examples learned from in this session.
  public let examples: Int
  public let seconds: Double
}

/// Trains a planner on prompts and answers, in one run folder.
///
/// First the answer autoencoder, once for all; then the energy: draw pairs and descents under way, take one
/// step down the energy, descend on the weights by where it led, take the descents further.
public final class TextTrainer {
  private let configuration: TextTrainingConfiguration
  private let run: RunFolder
  private let logger: Logger
  private let pairs: TrainingPairs
  private let model: PlannerModel
  private let generator: RandomGenerator
  private let objective: PlannerObjective
  private let buffer: RolloutBuffer
  private let descent: WeightDescent
  private let metrics: MetricsLog
  private var window = EmbeddingWindow()
  private var judge: CollapseJudge
  private var state: TextTrainingState
  private var lastCheckpoint: Checkpoint?

  /// Makes everything ready for the first step, or for the step after the last checkpoint.
  ///
  /// - Parameters:
  ///   - configuration: resolved for the data.
  ///   - dataset: prompts and answers.
  ///   - run: the run's folder, new or resumed.
  ///   - isResuming: whether `run` may hold a checkpoint to go on from.
  ///   - logger: what is worth telling goes there.
  /// - Throws: `PlannerError.autoencoderFailed`, `RunError`, `TorchError`.
  public init(
    _ configuration: TextTrainingConfiguration, dataset: TextDataset, run: RunFolder,
    isResuming: Bool, logger: Logger = Logger(label: "jepa")
  ) throws {
    guard let promptLength = configuration.promptLength,
      let answerLength = configuration.answerLength
    else { preconditionFailure("training with a configuration that is not resolved") }
    self.configuration = configuration
    self.run = run
    self.logger = logger
    let device = try Device(configuration.device)
    Session.threadCount =
      configuration.threads ?? min(4, ProcessInfo.processInfo.activeProcessorCount)
    Session.flushDenormals()

    let limits = TextLimits(promptLength: promptLength, answerLength: answerLength)
    generator = RandomGenerator(seed: configuration.seed)
    model = PlannerModel(configuration.model, limits: limits, using: generator)
    model.move(to: device)
    pairs = TrainingPairs(
      dataset, vocabulary: model.vocabulary, answerLength: answerLength,
      heldOutShare: configuration.heldOutShare, seed: configuration.seed)
    let memory =
      configuration.memory.entries > 0
      ? MemoryTraining(configuration.memory, pairs: pairs, limits: limits) : nil
    objective = PlannerObjective(
      model, pairs: pairs, configuration: configuration.objective, memory: memory,
      using: generator)
    buffer = RolloutBuffer(
      configuration.rollout, candidates: pairs.trained,
      shape: Array(model.latentShape(1).dropFirst()), device: device, using: generator)
    descent = WeightDescent(
      [
        (name: "prompt", module: model.promptEncoder), (name: "predictor", module: model.predictor),
      ], configuration.optimizer)
    judge = CollapseJudge(
      configuration.collapse, itemsName: "prompts",
      advice: "Lower optimizer.learningRate.peak, raise batchSize, or choose another "
        + "objective.family; --set collapse.isWatched=false goes on regardless.")
    state = TextTrainingState(
      progress: RunProgress(),
      sampler: EpochSampler.State(seed: configuration.seed, itemCount: pairs.trained.count),
      generator: Data(), draws: SeededGenerator(seed: configuration.seed, 1), collapseStrikes: 0,
      dataFingerprint: dataset.fingerprintText)

    lastCheckpoint = isResuming ? try run.latestCheckpoint() : nil
    if let lastCheckpoint {
      (state, window) = try TextTrainingCheckpoint.read(
        lastCheckpoint, into: model, descent: descent, buffer: buffer)
      guard state.dataFingerprint == dataset.fingerprintText else {
        throw RunError.samplerChanged(
          what: "the file of examples", expected: state.dataFingerprint,
          found: dataset.fingerprintText)
      }
      generator.state = Array(state.generator)
      judge.strikes = state.collapseStrikes
    }
    metrics = try MetricsLog(in: run, resumingAfter: isResuming ? state.progress.step : nil)
    try run.record(
      RunEnvironment(
        torch: Session.torchVersion, device: device.description, threads: Session.threadCount,
        dataFingerprint: dataset.fingerprintText, seed: configuration.seed,
        firstStep: state.progress.step))
  }

  public var trainedCount: Int { pairs.trained.count }
  public var heldOutCount: Int { pairs.heldOut.count }
  public var parameterCount: Int { model.parameterCount }
  /// What a resumed run goes on from; nil for a new one.
  public var resumedFrom: Checkpoint? { lastCheckpoint }

  /// Trains to the end of the run, or until `shouldStop` says so after a step.
  ///
  /// - Throws: `TrainingError.collapsed`, `.diverged`; `PlannerError.autoencoderFailed`; `RunError`. What was
  ///   saved before stays.
  public func train(
    reporter: ProgressReporter, shouldStop: () -> Bool = { false }
  ) throws -> TextTrainingOutcome {
    let clock = ContinuousClock()
    let start = clock.now
    let secondsBefore = state.progress.seconds
    if lastCheckpoint == nil { try trainAutoencoder() }
    model.autoencoder.requireGradients(false)

    let rollouts = Int((configuration.rollout.share * Double(configuration.batchSize)).rounded())
    var sampler = try EpochSampler(
      resuming: state.sampler, itemCount: pairs.trained.count,
      batchSize: configuration.batchSize - rollouts)
    var lastSave = clock.now
    var examples = 0

    while !configuration.duration.isOver(at: state.progress) && !shouldStop() {
      let progress = configuration.duration.fraction(at: state.progress)
      let batch = sampler.nextBatch()
      let fresh = batch.items.map { pairs.trained[$0.index] }
      let rows = buffer.draw(rollouts)
      let underWay = rows.map { buffer.items[$0] }

      // One step down the energy, and where it should have led.
      let step = objective(
        fresh: fresh, rollouts: underWay, latents: rows.isEmpty ? nil : buffer.latents(at: rows),
        step: state.progress.step, draws: &state.draws)
      try check(step.loss, "loss", items: fresh + underWay)
      step.loss.backward()

      // Descend on the weights; take the descents further.
      let rate = configuration.optimizer.learningRate.value(at: progress)
      let gradientNorm = descent.step(stepSize: rate)
      try check(gradientNorm, "gradient", items: fresh + underWay)
      buffer.advance(
        rows, against: step.latentGradients.slice(fresh.count..<fresh.count + rows.count),
        fresh: fresh)
      window.note(step.promptEmbeddings)

      examples += fresh.count + rows.count
      state.sampler = batch.stateAfter
      state.progress.step += 1
      state.progress.epoch = state.sampler.epochs
      state.progress.seconds = secondsBefore + (clock.now - start) / .seconds(1)

      if state.progress.step % configuration.logEverySteps == 0 {
        try log(step, gradientNorm, rate, examples, reporter)
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

  private func trainAutoencoder() throws {
    let exact = try AutoencoderTraining(
      configuration: configuration.autoencoder, pairs: pairs, vocabulary: model.vocabulary
    ).train(model.autoencoder, using: generator)
    logger.info(
      """
      answer autoencoder: \(String(format: "%.2f", 100 * exact)) % of \(pairs.heldOut.count) \
      held-out answers come back exactly
      """)
  }

  // MARK: What is reported

  private func log(
    _ step: PlannerStep, _ gradientNorm: Tensor, _ rate: Double, _ examples: Int,
    _ reporter: ProgressReporter
  ) throws {
    let (rankMe, spread) = window.figures(isCentred: true)
    let figures = HeldOutFigures(of: objective, using: generator, draws: &state.draws)
    let logged =
      [Metric("loss", step.loss.item())] + step.terms.map { Metric($0.name, $0.value.item()) }
      + figures.metrics + [
        Metric("learningRate", rate), Metric("gradientNorm", gradientNorm.item()),
        Metric("spread", spread), Metric("rankMe", rankMe),
      ]
    try metrics.log(logged, at: state.progress)
    reporter.update(state.progress, items: examples, metrics: logged)
    let verdict = judge.verdict(
      on: CollapseFigures(rankMe: rankMe, spread: spread),
      at: configuration.duration.fraction(at: state.progress), step: state.progress.step)
    if let verdict {
      throw TrainingError.collapsed(verdict, lastGood: lastCheckpoint?.path)
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
    model.threshold = ThresholdCalibration(model: model, pairs: pairs, seed: configuration.seed)
      .threshold()
    state.generator = Data(generator.state)
    state.collapseStrikes = judge.strikes
    try metrics.synchronize()
    lastCheckpoint = try run.publishCheckpoint(
      step: state.progress.step, keep: configuration.checkpoint.keep
    ) { temporary in
      try TextTrainingCheckpoint.write(
        to: temporary, model: model, descent: descent, buffer: buffer, window: window,
        state: state, configuration: configuration)
    }
  }
}

import EnergyDescent
import Foundation
import Logging
import Torch
import TrainingRuns

/// The training loop of every learner, in one run folder.
///
/// It is the papers': draw a batch, compute its energy, descend on the weights, let the teacher follow.
package final class TrainingLoop<L: Learner> {
  package let learner: L
  /// The checkpoint that was written last, or that a resumed run goes on from; nil where there is none.
  package private(set) var lastCheckpoint: Checkpoint?
  private let configuration: L.Configuration
  private let run: RunFolder
  private let logger = Logger(label: "jepa")
  private let generator: RandomGenerator
  private let descent: WeightDescent
  private let divergence: DivergenceWatch
  private let metrics: MetricsLog
  private var state: TrainingState<L.Memory>

  /// Makes everything ready for the first step, or for the step after the last checkpoint.
  ///
  /// - Parameters:
  ///   - configuration: resolved for the data. It is written to the run once it is sure that the run
  ///     goes on as it asks.
  ///   - run: the run's folder, new or resumed.
  ///   - isResuming: whether `run` may hold a checkpoint to go on from.
  /// - Throws: `RunError.samplerChanged` where the data are others, and what the learner throws.
  package init(
    _ configuration: L.Configuration, dataset: L.Dataset, run: RunFolder, isResuming: Bool
  ) throws {
    self.configuration = configuration
    self.run = run
    let device = try Device(configuration.device)
    Self.prepareProcess(for: configuration)
    generator = RandomGenerator(seed: configuration.seed)
    lastCheckpoint = isResuming ? try run.latestCheckpoint() : nil
    learner = try L(
      configuration, dataset: dataset, device: device, generator: generator,
      continuing: lastCheckpoint)
    descent = WeightDescent(learner.trained, configuration.optimizer)
    divergence = DivergenceWatch(device: device, advice: L.Configuration.divergenceAdvice)

    let items = learner.items
    state = TrainingState(
      sampler: EpochSampler.State(seed: configuration.seed, itemCount: items.count),
      dataFingerprint: items.fingerprint, memory: learner.memory)
    if let lastCheckpoint {
      state = try TrainingCheckpoint.state(of: lastCheckpoint, as: TrainingState<L.Memory>.self)
      try items.check(
        sampler: state.sampler, fingerprint: state.dataFingerprint, ofRun: run.path)
      try TrainingCheckpoint.restore(
        learner, descent: descent, from: lastCheckpoint, state: state)
      if !state.generator.isEmpty { generator.state = Array(state.generator) }
      divergence.lastGood = lastCheckpoint.path
    }
    try run.write(configuration: configuration)
    metrics = try MetricsLog(in: run, resumingAfter: isResuming ? state.progress.step : nil)
    try run.record(
      RunEnvironment(
        torch: Session.torchVersion, device: device.description, threads: Session.threadCount,
        dataFingerprint: items.fingerprint, seed: configuration.seed,
        firstStep: state.progress.step))
  }

  /// Threads and arithmetic, which hold for the whole process.
  private static func prepareProcess(for configuration: L.Configuration) {
    let threads = configuration.threads ?? min(Session.threadCount, L.Configuration.mostThreads)
    if threads != Session.threadCount { Session.threadCount = threads }
    Session.flushDenormals()
  }

  /// How far the run is.
  package var progress: RunProgress { state.progress }
  /// Whether the run has reached its end.
  package var isOver: Bool { configuration.duration.isOver(at: state.progress) }

  /// How a run ended that has nothing left to do; nil for others.
  package var finished: TrainingOutcome? {
    guard isOver, let lastCheckpoint, lastCheckpoint.step == state.progress.step else { return nil }
    return TrainingOutcome(
      progress: state.progress, isFinished: true, checkpoint: lastCheckpoint, items: 0,
      seconds: 0, waitingSeconds: nil)
  }

  /// Trains to the end of the run, or until `shouldStop` says so after a step.
  ///
  /// - Throws: `TrainingError.collapsed`, `.diverged`, `.notSaved`; `.failed` where memory or a device gives out, after
  ///   which the loop is of no more use; `RunError`; what the learner throws, after a checkpoint of the last whole step.
  ///   What was saved before stays.
  package func train(
    reporter: ProgressReporter, shouldStop: @escaping () -> Bool = { false }
  ) throws -> TrainingOutcome {
    defer { learner.end() }
    do {
      return try Computation.run { try self.descend(reporter, until: shouldStop) }
    } catch let error as ComputationError {
      run.unlock()
      throw TrainingError.failed(
        reason: "\(error)", advice: error.isOfMemory ? L.Configuration.memoryAdvice : nil,
        lastGood: lastCheckpoint?.path)
    }
  }

  private func descend(
    _ reporter: ProgressReporter, until shouldStop: () -> Bool
  ) throws -> TrainingOutcome {
    let clock = SessionClock(before: state.progress.seconds)
    var saved = clock.seconds
    var items = 0
    try learner.begin(
      drawing: EpochSampler(
        resuming: state.sampler, itemCount: learner.items.count, batchSize: learner.batchSize),
      isNew: lastCheckpoint == nil)

    while !isOver && !shouldStop() {
      let progress = configuration.duration.fraction(at: state.progress)

      // The energy of a batch, or of several whose gradients add up.
      var energies: [StepEnergy] = []
      var (names, sampler) = ([String](), state.sampler)
      for _ in 0..<configuration.accumulation {
        let batch = try nextBatch()
        let energy = learner.energy(of: batch, step: state.progress.step)
        names += batch.names
        try divergence.note(
          energy.total, "loss", ofStep: state.progress.step + 1, names: batch.names)
        (energy.total / Double(configuration.accumulation)).backward()
        if let embeddings = energy.embeddings { learner.collapse?.note(embeddings) }
        energies.append(energy.withoutGraph)
        items += batch.itemCount
        sampler = batch.samplerAfter
        learner.release(batch)
      }

      // One step down; a teacher follows.
      let rate = configuration.optimizer.learningRate.value(at: progress)
      let gradientNorm = descent.step(stepSize: rate)
      learner.didStep(progress: progress)

      state.sampler = sampler
      state.progress.step += 1
      state.progress.epoch = sampler.epochs
      // Of several processes, rank 0's clock would hold, and what it decides from here on.
      state.progress.seconds = clock.seconds
      try divergence.note(gradientNorm, "gradient", ofStep: state.progress.step, names: names)
      let metrics = try isLogged ? log(energies, gradientNorm, rate) : nil
      reporter.update(state.progress, items: items, metrics: metrics)
      if isSaved(minutesSinceLast: (clock.seconds - saved) / 60) {
        try save()
        saved = clock.seconds
      }
    }
    reporter.finish(state.progress, items: items)
    if lastCheckpoint?.step != state.progress.step { try save() }
    return TrainingOutcome(
      progress: state.progress, isFinished: isOver, checkpoint: lastCheckpoint!, items: items,
      seconds: clock.sessionSeconds, waitingSeconds: learner.waitingSeconds)
  }

  /// The next batch. Where there is none, because data went away or are bad and the run strict, what was
  /// learned so far is saved first.
  private func nextBatch() throws -> L.Batch {
    do {
      return try learner.nextBatch()
    } catch {
      if state.progress.step > (lastCheckpoint?.step ?? 0) { try save() }
      throw error
    }
  }

  // MARK: What is reported

  private var isJudged: Bool { state.progress.step % configuration.logEverySteps == 0 }
  private var isLogged: Bool { isJudged || state.progress.step == 1 || isOver }

  /// Logs a step, and judges whether training has collapsed: never at a run's first and last step alone,
  /// which a run that is stopped or made longer has elsewhere.
  private func log(
    _ energies: [StepEnergy], _ gradientNorm: Tensor, _ rate: Double
  ) throws -> [Metric] {
    try divergence.read()
    // How often is logged changes nothing of what is learned.
    let drawn = generator.state
    defer { generator.state = drawn }
    let energy = StepEnergy.mean(of: energies)
    let watched = learner.collapse?.figures()
    // The ones to watch come first: a narrow terminal shows no more.
    let logged =
      [Metric("loss", energy.total.item())]
      + (watched.map { [Metric("rankMe", $0.rankMe), Metric("spread", $0.spread)] } ?? [])
      + energy.terms.map { Metric($0.name, $0.value.item()) } + learner.figures()
      + [Metric("learningRate", rate), Metric("gradientNorm", gradientNorm.item())]
    try writing { try metrics.log(logged, at: state.progress) }
    if isJudged { try judge(energy, watched) }
    if state.progress.step == 1 || isOver, let spread = watched?.spread,
      let warning = learner.collapse?.warning(spread: spread, step: state.progress.step)
    {
      logger.warning("\(warning)")
    }
    return logged
  }

  private func judge(_ energy: StepEnergy, _ watched: (rankMe: Double, spread: Double)?) throws {
    let step = state.progress.step
    let verdict =
      learner.verdict(step: step)
      ?? watched.flatMap { figures in
        learner.collapse?.verdict(
          rankMe: figures.rankMe, spread: figures.spread,
          sigregShare: energy.collapseShares.map { $0.item() }.max(),
          at: configuration.duration.fraction(at: state.progress), step: step)
      }
    if let verdict { throw TrainingError.collapsed(verdict, lastGood: lastCheckpoint?.path) }
  }

  // MARK: Checkpoints

  /// Not while collapse is suspected: the last checkpoint is to be a good one.
  private func isSaved(minutesSinceLast minutes: Double) -> Bool {
    configuration.checkpoint.isDue(after: state.progress.step, minutesSinceLast: minutes)
      && (learner.collapse?.strikes ?? 0) == 0 && !learner.isSuspected
  }

  private func save() throws {
    try divergence.read()
    state.generator = Data(generator.state)
    state.collapseStrikes = learner.collapse?.strikes ?? 0
    state.memory = learner.memory
    try writing {
      try metrics.synchronize()
      lastCheckpoint = try run.publishCheckpoint(
        step: state.progress.step, keep: configuration.checkpoint.keep
      ) { folder in
        try TrainingCheckpoint.write(
          learner, descent: descent, state: state, configuration: configuration, to: folder)
      }
    }
    divergence.lastGood = lastCheckpoint?.path
  }

  /// Whoever is told that the disk is full wants to know what is left.
  private func writing(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      throw TrainingError.notSaved(reason: "\(error)", lastGood: lastCheckpoint?.path)
    }
  }
}

/// The time that a run has trained, earlier sessions included.
private struct SessionClock {
  private let start = ContinuousClock.now
  private let before: Double

  init(before: Double) { self.before = before }

  var sessionSeconds: Double { (ContinuousClock.now - start) / .seconds(1) }
  var seconds: Double { before + sessionSeconds }
}

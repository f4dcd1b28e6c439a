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
  /// nil in a process that does not write.
  private let run: RunFolder?
  private let runPath: String
  private let group: ProcessGroup?
  private let logger = Logger(label: "jepa")
  private let generator: RandomGenerator
  private let descent: WeightDescent
  private let divergence: DivergenceWatch
  private let metrics: MetricsLog?
  private var state: TrainingState<L.Memory>

  /// Makes everything ready for the first step, or for the step after the last checkpoint.
  ///
  /// - Parameters:
  ///   - configuration: resolved for the data. It is written to the run once it is sure that the run
  ///     goes on as it asks.
  ///   - run: the run's folder, new or resumed.
  ///   - isResuming: whether `run` may hold a checkpoint to go on from.
  ///   - group: the processes that train together; only the first has the run's folder. nil for one.
  /// - Throws: `RunError.samplerChanged` where the data are others, and what the learner throws;
  ///   `ProcessGroupError` where processes differ, or are too many.
  package init(
    _ configuration: L.Configuration, dataset: L.Dataset, run: RunFolder?, isResuming: Bool,
    group: ProcessGroup? = nil
  ) throws {
    precondition((run != nil) == (group?.isFirst ?? true), "the first process has the run's folder")
    self.configuration = configuration
    self.run = run
    self.group = group
    let device = try Device(configuration.device)
    try group?.requireSame(settings: configuration, device: device)
    Self.prepareProcess(for: configuration, in: group)
    generator = RandomGenerator(seed: configuration.seed)
    lastCheckpoint = isResuming ? try run?.latestCheckpoint() : nil
    runPath = group.map { $0.texts(run?.path ?? "")[0] } ?? run?.path ?? ""
    if let group {
      let path = group.texts(lastCheckpoint?.path ?? "")[0]
      if !group.isFirst, !path.isEmpty { lastCheckpoint = try Checkpoint.open(at: path) }
      let found = try lastCheckpoint.map { "\($0.path) with checksum \(try $0.fingerprint)" }
      try group.requireSame("checkpoint", found ?? "none")
    }
    learner = try L(
      configuration, dataset: dataset, device: device, generator: generator,
      continuing: lastCheckpoint)
    let exchange: any GradientExchange = group ?? SingleProcess()
    descent = WeightDescent(learner.trained, configuration.optimizer, exchange: exchange)
    divergence = DivergenceWatch(device: device, advice: L.Configuration.divergenceAdvice)

    let items = learner.items
    if let group {
      try group.requireRoom(forBatchesOf: learner.batchSize)
      try group.requireSame("data", "\(items.name) with checksum \(items.fingerprint)")
      learner.compute(with: group)
    }
    state = TrainingState(
      sampler: EpochSampler.State(seed: configuration.seed, itemCount: items.count),
      dataFingerprint: items.fingerprint, memory: learner.memory)
    if let lastCheckpoint {
      state = try TrainingCheckpoint.state(of: lastCheckpoint, as: TrainingState<L.Memory>.self)
      try items.check(
        sampler: state.sampler, fingerprint: state.dataFingerprint, ofRun: runPath)
      try TrainingCheckpoint.restore(
        learner, descent: descent, from: lastCheckpoint, state: state)
      if !state.generator.isEmpty { generator.state = Array(state.generator) }
      divergence.lastGood = lastCheckpoint.path
    }
    if let group {
      // The same seeds give the same weights, but for machines that round differently.
      let modules = learner.trained.map(\.module) + learner.companions
      group.broadcast(modules.flatMap { $0.state.map { $0.tensor.detached() } })
    }
    guard let run else {
      metrics = nil
      return
    }
    try run.write(configuration: configuration)
    metrics = try MetricsLog(in: run, resumingAfter: isResuming ? state.progress.step : nil)
    if isResuming { try tellProcesses(of: run) }
    try run.record(
      RunEnvironment(
        torch: Session.torchVersion, device: device.description, threads: Session.threadCount,
        processes: group?.worldSize, dataFingerprint: items.fingerprint, seed: configuration.seed,
        firstStep: state.progress.step))
  }

  /// Says where a run goes on in another number of processes than it had.
  private func tellProcesses(of run: RunFolder) throws {
    guard let earlier = try run.environments().last else { return }
    let (before, now) = (earlier.processes ?? 1, group?.worldSize ?? 1)
    guard before != now else { return }
    logger.notice(
      """
      \(run.path) was trained by \(before.counted("process", plural: "processes")) and goes on with \(now): each item is still \
      drawn once an epoch; numbers differ in their last digits
      """)
  }

  /// Threads and arithmetic, which hold for the whole process.
  private static func prepareProcess(
    for configuration: L.Configuration, in group: ProcessGroup?
  ) {
    // What a launcher or the user sets is for each process.
    let isSet = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] != nil
    let share = isSet ? 1 : group?.place.localSize ?? 1
    let threads =
      configuration.threads
      ?? max(1, min(Session.threadCount / share, L.Configuration.mostThreads))
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
      run?.unlock()
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
        resuming: state.sampler, itemCount: learner.items.count, batchSize: learner.batchSize,
        rank: group?.rank ?? 0, worldSize: group?.worldSize ?? 1),
      isNew: lastCheckpoint == nil)

    steps: while true {
      // The energy of a batch, or of several whose gradients add up.
      var energies: [StepEnergy] = []
      var (names, sampler) = ([String](), state.sampler)
      var divergedHere: (any Error)?
      for part in 0..<configuration.accumulation {
        let isEnding = part == 0 && (isOver || shouldStop())
        guard let (batch, count) = try nextBatch(unless: isEnding, clock) else { break steps }
        let energy = learner.energy(of: batch, step: state.progress.step)
        names += batch.names
        do {
          try divergence.note(
            energy.total, "loss", ofStep: state.progress.step + 1, names: batch.names)
        } catch {
          // Others take their part of the step, and are to see that it went wrong.
          guard group != nil else { throw error }
          divergedHere = divergedHere ?? error
        }
        (energy.total / Double(configuration.accumulation)).backward()
        if let embeddings = energy.allEmbeddings { learner.collapse?.note(embeddings) }
        energies.append(energy.withoutGraph)
        items += count
        sampler = batch.samplerAfter
        learner.release(batch)
      }

      // One step down; a teacher follows.
      let progress = configuration.duration.fraction(at: state.progress)
      let rate = configuration.optimizer.learningRate.value(at: progress)
      var energy = StepEnergy.mean(of: energies)
      let numbers = group == nil ? nil : energy.numbers
      let gradientNorm = descent.step(stepSize: rate, averaging: numbers.map { [$0] } ?? [])
      learner.didStep(progress: progress)

      state.sampler = sampler
      state.progress.step += 1
      state.progress.epoch = sampler.epochs
      if let divergedHere { throw divergedHere }
      if let numbers {
        energy = energy.replacing(numbers: numbers)
        // Of one whose own loss was a number, another one tells.
        if !numbers[0].item().isFinite { throw ToldByAnotherProcess() }
      }
      let blamed = try group.map { try allNames(names, besides: gradientNorm, in: $0) }
      try divergence.note(
        gradientNorm, "gradient", ofStep: state.progress.step, names: blamed ?? names)
      guard run != nil else {
        if isLogged { try log(energy, gradientNorm, rate) }
        continue
      }
      state.progress.seconds = clock.seconds
      let metrics = try isLogged ? log(energy, gradientNorm, rate) : nil
      reporter.update(state.progress, items: items, metrics: metrics)
      if isSaved(minutesSinceLast: (clock.seconds - saved) / 60) {
        try save()
        saved = clock.seconds
      }
    }
    if run != nil {
      reporter.finish(state.progress, items: items)
      if lastCheckpoint?.step != state.progress.step { try save() }
    }
    // What the others end with is right only if this was saved.
    group?.waitForAll()
    if run == nil { lastCheckpoint = Checkpoint(step: state.progress.step, ofRun: runPath) }
    return TrainingOutcome(
      progress: state.progress, isFinished: isOver, checkpoint: lastCheckpoint!, items: items,
      seconds: clock.sessionSeconds, waitingSeconds: learner.waitingSeconds)
  }

  /// What a gradient that is no number is blamed on: it is the mean of all processes', so the items of all of them, in order.
  ///
  /// - Throws: `ToldByAnotherProcess` in all but the first, where it is none.
  private func allNames(
    _ names: [String], besides gradientNorm: Tensor, in group: ProcessGroup
  ) throws -> [String] {
    guard !gradientNorm.item().isFinite else { return names }
    let text = String(decoding: try JSONEncoder().encode(names), as: UTF8.self)
    let all = try group.texts(text).map {
      try JSONDecoder().decode([String].self, from: Data($0.utf8))
    }
    guard group.isFirst else { throw ToldByAnotherProcess() }
    return (0..<(all.map(\.count).max() ?? 0)).flatMap { place in
      all.compactMap { place < $0.count ? $0[place] : nil }
    }
  }

  /// The next batch and how many items it has, in all processes; nil at the end. Where there is none, because data went away
  /// or are bad and the run strict, what was learned so far is saved first.
  private func nextBatch(
    unless isEnding: Bool, _ clock: SessionClock
  ) throws -> (batch: L.Batch, itemCount: Int)? {
    if isEnding, group == nil { return nil }
    let drawn = isEnding ? nil : Result { try learner.nextBatch() }
    var failure: (any Error)?
    if case .failure(let error) = drawn { failure = error }
    let batch = try? drawn?.get()
    var agreed = StepAgreement()
    agreed.isEnding = isEnding
    agreed.hasFailed = failure != nil
    agreed.items = batch?.itemCount ?? 0
    if let group {
      agreed.signal = StopSignal.number
      agreed.seconds = clock.seconds
      agreed.savedStep = lastCheckpoint?.step
      agreed = agreed.agreed(in: group)
      StopSignal.share(agreed.signal)
      if run == nil {
        state.progress.seconds = agreed.seconds
        lastCheckpoint = agreed.savedStep.map { Checkpoint(step: $0, ofRun: runPath) }
      }
    }
    if agreed.hasFailed {
      if run != nil, state.progress.step > (lastCheckpoint?.step ?? 0) { try save() }
      // A launcher ends the others of one that ends: not while the first of them saves.
      group?.waitForAll()
      throw failure ?? ToldByAnotherProcess()
    }
    guard !agreed.isEnding, let batch else { return nil }
    return (batch, agreed.items)
  }

  // MARK: What is reported

  private var isJudged: Bool { state.progress.step % configuration.logEverySteps == 0 }
  private var isLogged: Bool { isJudged || state.progress.step == 1 || isOver }

  /// Logs a step, and judges whether training has collapsed: never at a run's first and last step alone,
  /// which a run that is stopped or made longer has elsewhere. Of several processes the first does.
  @discardableResult
  private func log(
    _ energy: StepEnergy, _ gradientNorm: Tensor, _ rate: Double
  ) throws -> [Metric] {
    try divergence.read()
    guard let metrics else { return [] }
    // How often is logged changes nothing of what is learned.
    let drawn = generator.state
    defer { generator.state = drawn }
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
    guard let run, let metrics else { return }
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

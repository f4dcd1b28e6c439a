import EnergyDescent
import Foundation
import Logging
import Torch
import TrainingRuns

/// How a training session ended, when nothing went wrong.
public struct TrainingOutcome: Sendable {
  public let progress: RunProgress
  /// Whether the run reached its end, rather than being asked to stop.
  public let isFinished: Bool
  public let checkpoint: Checkpoint
  /// What the loader did: throughput, waiting, unreadable files.
  public let loading: LoaderReport
}

/// Trains a method on the pictures of a folder, in one run folder.
///
/// The loop is the paper's: draw views, embed and predict, descend on the energy, let the teacher follow.
public final class ImageTrainer {
  private let configuration: ImageTrainingConfiguration
  private let folder: ImageFolder
  private let run: RunFolder
  private let logger: Logger
  private let device: Device
  private let generator: RandomGenerator
  private let method: any TrainingMethod
  private let descent: WeightDescent
  private let monitor: CollapseMonitor
  private let divergence: DivergenceWatch
  private let metrics: MetricsLog
  private var state: TrainingState
  private var lastCheckpoint: Checkpoint?

  /// Makes everything ready for the first step, or for the step after the last checkpoint.
  ///
  /// - Parameters:
  ///   - configuration: resolved for the folder.
  ///   - folder: the pictures.
  ///   - run: the run's folder, new or resumed.
  ///   - isResuming: whether `run` may hold a checkpoint to go on from.
  ///   - logger: what is worth telling goes there.
  public init(
    _ configuration: ImageTrainingConfiguration, folder: ImageFolder, run: RunFolder,
    isResuming: Bool, logger: Logger = Logger(label: "jepa")
  ) throws {
    self.configuration = configuration
    self.folder = folder
    self.run = run
    self.logger = logger
    device = try Device(configuration.device)
    if let threads = configuration.threads { Session.threadCount = threads }
    Session.flushDenormals()

    generator = RandomGenerator(seed: configuration.seed)
    lastCheckpoint = isResuming ? try run.latestCheckpoint() : nil
    method = try configuration.continuing(from: lastCheckpoint).makeMethod(using: generator)
    let modules = [method.encoder] + (method.companions + method.trained).map(\.module)
    for module in modules { module.move(to: device) }
    descent = WeightDescent(method.trained, configuration.optimizer)
    monitor = CollapseMonitor(configuration.collapse)
    divergence = DivergenceWatch(device: device)
    state = TrainingState(
      progress: RunProgress(),
      sampler: EpochSampler.State(seed: configuration.seed, itemCount: folder.count),
      generator: Data(), collapseStrikes: 0, dataFingerprint: folder.fingerprintText)

    if let lastCheckpoint {
      state = try TrainingCheckpoint.read(
        lastCheckpoint, into: method, descent: descent, monitor: monitor)
      guard state.sampler.itemCount == folder.count else {
        throw RunError.samplerChanged(
          what: "the number of pictures", expected: "\(state.sampler.itemCount)",
          found: "\(folder.count)")
      }
      guard state.dataFingerprint == folder.fingerprintText else {
        throw RunError.samplerChanged(
          what: "the folder of pictures", expected: state.dataFingerprint,
          found: folder.fingerprintText)
      }
      generator.state = Array(state.generator)
    }
    metrics = try MetricsLog(in: run, resumingAfter: isResuming ? state.progress.step : nil)
    try run.record(
      RunEnvironment(
        torch: Session.torchVersion, device: device.description, threads: Session.threadCount,
        dataFingerprint: folder.fingerprintText, seed: configuration.seed,
        firstStep: state.progress.step))
  }

  /// The number of pictures that are trained on.
  public var pictureCount: Int { folder.count }

  /// The number of weights that training changes.
  public var parameterCount: Int {
    method.trained.reduce(0) { $0 + $1.module.parameterCount }
  }

  /// What the loader of the last `train` did, also where that threw.
  public private(set) var loading = LoaderReport()

  /// What a resumed run goes on from; nil for a new one.
  public var resumedFrom: Checkpoint? { lastCheckpoint }

  /// Trains to the end of the run, or until `shouldStop` says so after a step.
  ///
  /// - Throws: `TrainingError.collapsed`, `.diverged`; `RunError`; `ImageError` after a checkpoint of the
  ///   last whole step. What was saved before stays.
  public func train(
    reporter: ProgressReporter, shouldStop: () -> Bool = { false }
  ) throws -> TrainingOutcome {
    let sampler = try EpochSampler(
      resuming: state.sampler, itemCount: folder.count, batchSize: configuration.batchSize)
    let requests = SampledRequests(sampler)
    let loader = try ViewLoader(
      folder, plan: configuration.views!, decoder: configuration.decoder, seed: configuration.seed,
      options: configuration.loader, requests: requests, allocator: device.batchAllocator)
    defer { loading = loader.report }
    let precision = configuration.precision.resolved(on: device)
    divergence.lastGood = lastCheckpoint?.path

    let clock = ContinuousClock()
    let start = clock.now
    let secondsBefore = state.progress.seconds
    var lastSave = start
    var images = 0

    while !configuration.duration.isOver(at: state.progress) && !shouldStop() {
      let progress = configuration.duration.fraction(at: state.progress)

      // Energy of the batch, or of several whose gradients add up.
      var energies: [StepEnergy] = []
      var files: [String] = []
      var sampler = state.sampler
      for _ in 0..<configuration.accumulation {
        let views = try nextViews(from: loader)
        let energy = method.energy(
          of: TrainingBatch(views, device: device), using: generator, precision: precision)
        try divergence.note(
          energy.total, "loss", ofStep: state.progress.step + 1, files: views.paths)
        (energy.total / Double(configuration.accumulation)).backward()
        monitor.note(energy.embeddings)
        energies.append(energy.withoutGraph)
        files += views.paths
        images += views.count
        loader.release(views)
        sampler = requests.delivered()
      }

      // Descend.
      let rate = configuration.optimizer.learningRate.value(at: progress)
      let gradientNorm = descent.step(stepSize: rate)
      method.didStep(progress: progress)

      state.sampler = sampler
      state.progress.step += 1
      state.progress.epoch = state.sampler.epochs
      state.progress.seconds = secondsBefore + (clock.now - start) / .seconds(1)
      try divergence.note(
        gradientNorm, "gradient", ofStep: state.progress.step, files: files)

      let isLogged = state.progress.step % configuration.logEverySteps == 0
      if isLogged {
        try divergence.read()
        let (energy, figures) = (StepEnergy.mean(of: energies), monitor.figures())
        let logged = measured(energy, gradientNorm, rate, figures)
        try metrics.log(logged, at: state.progress)
        reporter.update(state.progress, items: images, metrics: logged)
        try judge(energy, figures)
      } else {
        reporter.update(state.progress, items: images)
      }
      // Not while collapse is suspected: the last checkpoint is to be a good one.
      let isSaved = configuration.checkpoint.isDue(
        after: state.progress.step, minutesSinceLast: (clock.now - lastSave) / .seconds(60))
      if isSaved, monitor.strikes == 0 {
        try save()
        lastSave = clock.now
      }
    }
    reporter.finish(state.progress, items: images)
    if lastCheckpoint?.step != state.progress.step { try save() }
    return TrainingOutcome(
      progress: state.progress, isFinished: configuration.duration.isOver(at: state.progress),
      checkpoint: lastCheckpoint!, loading: loader.report)
  }

  /// The next batch. Where there is none, because the folder went away or a picture is bad and the run
  /// strict, what was learned so far is saved first.
  private func nextViews(from loader: ViewLoader) throws -> ViewBatch {
    do {
      guard let views = try loader.next() else { preconditionFailure("a sampler never ends") }
      return views
    } catch {
      if state.progress.step > (lastCheckpoint?.step ?? 0) { try save() }
      throw error
    }
  }

  // MARK: What is reported

  private func measured(
    _ energy: StepEnergy, _ gradientNorm: Tensor, _ rate: Double,
    _ figures: (rankMe: Double, spread: Double)
  ) -> [Metric] {
    // The ones to watch come first: a narrow terminal shows no more.
    let terms = energy.terms.map { Metric($0.name, $0.value.item()) }
    return terms.prefix(1)
      + [
        Metric("rankMe", figures.rankMe), Metric("spread", figures.spread),
        Metric("learningRate", rate), Metric("loss", energy.total.item()),
      ] + terms.dropFirst() + [Metric("gradientNorm", gradientNorm.item())]
  }

  private func judge(
    _ energy: StepEnergy, _ figures: (rankMe: Double, spread: Double)
  ) throws {
    let verdict = monitor.verdict(
      rankMe: figures.rankMe, spread: figures.spread,
      sigregShare: energy.collapseShares.map { $0.item() }.max(),
      at: configuration.duration.fraction(at: state.progress), step: state.progress.step)
    if let verdict {
      throw TrainingError.collapsed(verdict, lastGood: lastCheckpoint?.path)
    }
  }

  // MARK: Checkpoints

  private func save() throws {
    try divergence.read()
    state.generator = Data(generator.state)
    state.collapseStrikes = monitor.strikes
    try metrics.synchronize()
    lastCheckpoint = try run.publishCheckpoint(
      step: state.progress.step, keep: configuration.checkpoint.keep
    ) { temporary in
      try TrainingCheckpoint.write(
        to: temporary, method: method, descent: descent, monitor: monitor, state: state,
        configuration: configuration)
    }
    divergence.lastGood = lastCheckpoint?.path
  }
}

extension ImageFolder {
  /// The fingerprint as it is recorded.
  var fingerprintText: String { String(fingerprint, radix: 16) }
}

/// The sampler's batches as the loader asks for them, and where the sampler stood after each.
///
/// The loader asks ahead; a checkpoint must say what was learned from, not what was fetched.
private final class SampledRequests: IteratorProtocol {
  private var sampler: EpochSampler
  private var pending: [EpochSampler.State] = []

  init(_ sampler: EpochSampler) { self.sampler = sampler }

  func next() -> BatchRequest? {
    let batch = sampler.nextBatch()
    pending.append(batch.stateAfter)
    return BatchRequest(items: batch.items)
  }

  /// The state after the oldest batch that was not yet told of.
  func delivered() -> EpochSampler.State { pending.removeFirst() }
}

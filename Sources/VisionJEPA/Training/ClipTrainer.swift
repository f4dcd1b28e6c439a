import EnergyDescent
import Foundation
import Logging
import Torch
import TrainingRuns

/// Trains an encoder of frames and a space-time predictor on a library of clips, in one run folder.
///
/// The loop is the paper's: draw windows, encode every frame by itself, predict each from its neighbours,
/// descend on the energy.
public final class ClipTrainer {
  private let configuration: ClipTrainingConfiguration
  private let library: ClipLibrary
  private let synthetic: MadeUpClips?
  private let windows: ClipWindows
  private let run: RunFolder
  private let logger: Logger
  private let device: Device
  private let generator: RandomGenerator
  private let model: ClipModel
  private let method: ClipMethod
  private let descent: WeightDescent
  private let monitor: CollapseMonitor
  private let divergence: DivergenceWatch
  private let slowFeatures: SlowFeatureMonitor
  private let metrics: MetricsLog
  private var state: ClipTrainingState
  private var lastCheckpoint: Checkpoint?

  /// Makes everything ready for the first step, or for the step after the last checkpoint.
  ///
  /// - Parameters:
  ///   - configuration: resolved for the clips.
  ///   - library: the clips.
  ///   - synthetic: made-up clips, of which the configuration says the share.
  ///   - run: the run's folder, new or resumed.
  ///   - isResuming: whether `run` may hold a checkpoint to go on from.
  ///   - logger: what is worth telling goes there.
  /// - Throws: `ClipError.noWindows` where no shot is as long as a window; `RunError`, `ModelError`.
  public init(
    _ configuration: ClipTrainingConfiguration, library: ClipLibrary,
    synthetic: MadeUpClips? = nil, run: RunFolder, isResuming: Bool,
    logger: Logger = Logger(label: "jepa")
  ) throws {
    self.configuration = configuration
    self.library = library
    self.synthetic = synthetic
    self.run = run
    self.logger = logger
    windows = ClipWindows(of: library, windowLength: configuration.windowLength)
    guard windows.count > 0 else {
      throw ClipError.noWindows(
        frames: configuration.windowLength,
        longest: library.shots.map(\.frameCount).max() ?? 0)
    }
    device = try Device(configuration.device)
    if let threads = configuration.threads { Session.threadCount = threads }
    Session.flushDenormals()

    generator = RandomGenerator(seed: configuration.seed)
    model = try configuration.makeModel(using: generator)
    lastCheckpoint = isResuming ? try run.latestCheckpoint() : nil
    if lastCheckpoint == nil, let encoder = model.encoder as? FrameEncoder {
      let side = FrameEncoder.patchSize
      let patches = library.patches(
        4096, side: side, normalization: model.description.normalization, seed: configuration.seed)
      encoder.whiten(with: Tensor(patches, shape: [4096, 3 * side * side]))
    }
    model.move(to: device)
    method = ClipMethod(model, configuration: configuration.method)
    descent = WeightDescent(model.parts, configuration.optimizer)
    divergence = DivergenceWatch(device: device)
    monitor = CollapseMonitor(
      configuration.collapse, itemsName: "clips",
      remedies: "Raise method.regularizerWeight or batchSize, or lower optimizer.learningRate.peak")
    slowFeatures = SlowFeatureMonitor(configuration.slowFeatures)
    state = ClipTrainingState(
      progress: RunProgress(),
      sampler: EpochSampler.State(seed: configuration.seed, itemCount: windows.count),
      generator: Data(), collapseStrikes: 0, slowFeatures: SlowFeatureMonitor.State(),
      dataFingerprint: library.fingerprint)

    if let lastCheckpoint {
      let fingerprint = state.dataFingerprint
      state = try ClipTrainingCheckpoint.read(
        lastCheckpoint, into: model, descent: descent, monitor: monitor)
      guard state.dataFingerprint == fingerprint else {
        throw RunError.samplerChanged(
          what: "the frames of the clips", expected: state.dataFingerprint, found: fingerprint)
      }
      generator.state = Array(state.generator)
      slowFeatures.restore(state.slowFeatures, device: device)
    }
    metrics = try MetricsLog(in: run, resumingAfter: isResuming ? state.progress.step : nil)
    try run.record(
      RunEnvironment(
        torch: Session.torchVersion, device: device.description, threads: Session.threadCount,
        dataFingerprint: state.dataFingerprint, seed: configuration.seed,
        firstStep: state.progress.step))
  }

  /// The number of weights that training changes.
  public var parameterCount: Int { model.parts.reduce(0) { $0 + $1.module.parameterCount } }

  /// The number of windows in one pass over the clips.
  public var windowCount: Int { windows.count }

  /// What a resumed run goes on from; nil for a new one.
  public var resumedFrom: Checkpoint? { lastCheckpoint }

  /// Trains to the end of the run, or until `shouldStop` says so after a step.
  ///
  /// - Throws: `TrainingError.collapsed`, `.diverged`; `RunError`. What was saved before stays.
  public func train(
    reporter: ProgressReporter, shouldStop: () -> Bool = { false }
  ) throws -> TrainingOutcome {
    let sampler = try EpochSampler(
      resuming: state.sampler, itemCount: windows.count, batchSize: configuration.batchSize)
    let loader = ClipLoader(
      library, windows: windows, augmentation: configuration.augmentation,
      normalization: model.description.normalization,
      synthetic: synthetic.map { ($0, configuration.synthetic.share) }, seed: configuration.seed,
      options: configuration.loader, sampler: sampler, allocator: device.batchAllocator)
    let precision = configuration.precision.resolved(on: device)
    divergence.lastGood = lastCheckpoint?.path

    let clock = ContinuousClock()
    let start = clock.now
    let secondsBefore = state.progress.seconds
    var lastSave = start
    var frames = 0

    while !configuration.duration.isOver(at: state.progress) && !shouldStop() {
      let progress = configuration.duration.fraction(at: state.progress)
      let batch = loader.next()
      let step = method.energy(
        of: batch.clips(on: device), using: generator, precision: precision)
      try divergence.note(
        step.energy.total, "loss", ofStep: state.progress.step + 1, files: batch.paths)
      step.energy.total.backward()
      monitor.note(step.energy.embeddings)
      slowFeatures.note(step.copyError)

      let rate = configuration.optimizer.learningRate.value(at: progress)
      let gradientNorm = descent.step(stepSize: rate)

      frames += batch.items.count * configuration.windowLength
      state.sampler = batch.stateAfter
      state.progress.step += 1
      state.progress.epoch = state.sampler.epochs
      state.progress.seconds = secondsBefore + (clock.now - start) / .seconds(1)

      try divergence.note(
        gradientNorm, "gradient", ofStep: state.progress.step, files: batch.paths)

      loader.release(batch)
      if state.progress.step % configuration.logEverySteps == 0 {
        try divergence.read()
        let logged = try log(step, gradientNorm, rate)
        reporter.update(state.progress, items: frames, metrics: logged)
      } else {
        reporter.update(state.progress, items: frames)
      }
      let isSaved = configuration.checkpoint.isDue(
        after: state.progress.step, minutesSinceLast: (clock.now - lastSave) / .seconds(60))
      // Not while collapse is suspected: the last checkpoint is to be a good one.
      if isSaved, monitor.strikes == 0, slowFeatures.state.strikes == 0 {
        try save()
        lastSave = clock.now
      }
    }
    reporter.finish(state.progress, items: frames)
    if lastCheckpoint?.step != state.progress.step { try save() }
    return TrainingOutcome(
      progress: state.progress, isFinished: configuration.duration.isOver(at: state.progress),
      checkpoint: lastCheckpoint!, loading: loader.report)
  }

  // MARK: What is reported

  /// Logs a step and judges whether training has collapsed.
  private func log(
    _ step: ClipMethod.Step, _ gradientNorm: Tensor, _ rate: Double
  ) throws -> [Metric] {
    let figures = monitor.figures()
    let slow = slowFeatures.judge(step: state.progress.step)
    let terms = step.energy.terms.map { Metric($0.name, $0.value.item()) }
    let logged =
      [Metric("loss", step.energy.total.item())] + terms + [
        Metric("copy", slow.copyError), Metric("learningRate", rate),
        Metric("gradientNorm", gradientNorm.item()), Metric("spread", figures.spread),
        Metric("rankMe", figures.rankMe),
      ]
    try metrics.log(logged, at: state.progress)
    let verdict =
      slow.verdict
      ?? monitor.verdict(
        rankMe: figures.rankMe, spread: figures.spread,
        sigregShare: step.energy.collapseShares.map { $0.item() }.max(),
        at: configuration.duration.fraction(at: state.progress), step: state.progress.step)
    if let verdict { throw TrainingError.collapsed(verdict, lastGood: lastCheckpoint?.path) }
    return logged
  }

  // MARK: Checkpoints

  private func save() throws {
    try divergence.read()
    state.generator = Data(generator.state)
    state.collapseStrikes = monitor.strikes
    state.slowFeatures = slowFeatures.state
    try metrics.synchronize()
    lastCheckpoint = try run.publishCheckpoint(
      step: state.progress.step, keep: configuration.checkpoint.keep
    ) { temporary in
      try ClipTrainingCheckpoint.write(
        to: temporary, model: model, descent: descent, monitor: monitor, state: state,
        configuration: configuration)
    }
    divergence.lastGood = lastCheckpoint?.path
  }
}

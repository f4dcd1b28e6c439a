import Learning
import Torch
import TrainingRuns

/// An encoder of frames and a space-time predictor that learn from a library of clips: windows are drawn,
/// every frame is encoded by itself, and each is predicted from its neighbours.
final class ClipLearner: Learner {
  /// What is learned from.
  struct Dataset {
    let library: ClipLibrary
    /// Made-up clips, of which the configuration says the share.
    var synthetic: MadeUpClips? = nil
  }

  /// What goes on in `state.json`.
  struct Memory: Codable {
    var slowFeatures = SlowFeatureMonitor.State()
  }

  let collapse: CollapseMonitor?
  private let slowFeatures: SlowFeatureMonitor
  private let model: ClipModel
  private let method: ClipMethod
  private let configuration: ClipTrainingConfiguration
  let dataset: Dataset
  private let windows: ClipWindows
  private let device: Device
  private let precision: DType?
  private let generator: RandomGenerator
  private var share: ItemShare
  private var loader: ClipLoader?

  /// - Throws: `ClipError.noWindows` where no shot is as long as a window; `ModelError`.
  init(
    _ configuration: ClipTrainingConfiguration, dataset: Dataset, device: Device,
    generator: RandomGenerator, continuing checkpoint: Checkpoint?
  ) throws {
    self.configuration = configuration
    self.dataset = dataset
    self.device = device
    self.generator = generator
    share = ItemShare(of: configuration.batchSize)
    let library = dataset.library
    windows = ClipWindows(of: library, windowLength: configuration.windowLength)
    guard windows.count > 0 else {
      throw ClipError.noWindows(
        frames: configuration.windowLength,
        longest: library.shots.map(\.frameCount).max() ?? 0)
    }
    precision = configuration.precision.resolved(on: device)
    model = try configuration.makeModel(using: generator)
    if checkpoint == nil, let encoder = model.encoder as? FrameEncoder {
      let side = FrameEncoder.patchSize
      let patches = library.patches(
        4096, side: side, normalization: model.description.normalization, seed: configuration.seed)
      encoder.whiten(with: Tensor(patches, shape: [4096, 3 * side * side]))
    }
    model.move(to: device)
    method = ClipMethod(model, configuration: configuration.method)
    collapse = CollapseMonitor(
      configuration.collapse, itemsName: "clips",
      remedies: "Raise method.regularizerWeight or batchSize, or lower optimizer.learningRate.peak")
    slowFeatures = SlowFeatureMonitor(configuration.slowFeatures)
  }

  func compute(with group: ProcessGroup) {
    share = ItemShare(of: configuration.batchSize, among: group)
    for part in model.parts { part.module.shareStatistics(over: group) }
  }

  // MARK: Data

  var items: LearningItems {
    LearningItems(
      count: windows.count, name: "the frames of the clips",
      fingerprint: dataset.library.fingerprint)
  }

  var batchSize: Int { configuration.batchSize }

  func begin(drawing sampler: EpochSampler, isNew: Bool) throws {
    loader = try ClipLoader(
      dataset.library, windows: windows, augmentation: configuration.augmentation,
      normalization: model.description.normalization,
      synthetic: dataset.synthetic.map { ($0, configuration.synthetic.share) },
      seed: configuration.seed,
      options: configuration.loader.shared(among: share.group?.place.localSize), sampler: sampler,
      allocator: device.batchAllocator)
  }

  func nextBatch() throws -> ClipBatch {
    guard let loader else { preconditionFailure("a batch before training began") }
    return try loader.next()
  }

  func release(_ batch: ClipBatch) { loader?.release(batch) }

  var waitingSeconds: Double? { loader?.report.waitingSeconds }

  // MARK: One step

  var trained: [(name: String, module: Module)] { model.parts }

  func energy(of batch: ClipBatch, step: Int) -> StepEnergy {
    let step = method.energy(
      of: batch.clips(on: device), share: share, using: generator, precision: precision)
    // The first process judges the clips of all.
    share.group?.average([step.copyError])
    slowFeatures.note(step.copyError)
    return step.energy
  }

  // MARK: What is reported

  func figures() -> [Metric] { [Metric("copy", slowFeatures.copyError)] }

  func verdict(step: Int) -> CollapseVerdict? { slowFeatures.verdict(step: step) }

  var isSuspected: Bool { slowFeatures.state.strikes > 0 }

  // MARK: Checkpoints

  var memory: Memory { Memory(slowFeatures: slowFeatures.state) }

  func save(to folder: String) throws { try model.save(to: folder) }

  func restore(from checkpoint: Checkpoint, memory: Memory) throws {
    try model.restore(from: checkpoint)
    slowFeatures.restore(memory.slowFeatures, device: device)
  }
}

extension ClipBatch: LearningBatch {
  /// Its frames.
  var itemCount: Int { items.count * windowLength }
  var names: [String] { paths }
  var samplerAfter: EpochSampler.State { stateAfter }
}

import Foundation
import Learning
import Logging
import Pictures
import Torch
import TrainingRuns

/// A method that learns from the pictures of a folder.
final class ImageLearner: Learner {
  /// Views of some pictures.
  struct Batch: LearningBatch {
    let views: ViewBatch
    let samplerAfter: EpochSampler.State
    var itemCount: Int { views.count }
    var names: [String] { views.paths }
  }

  let collapse: CollapseMonitor?
  private let method: any TrainingMethod
  private let configuration: ImageTrainingConfiguration
  private let folder: ImageFolder
  private let device: Device
  private let precision: DType?
  private let generator: RandomGenerator
  private let modules: [Module]
  private var share: ItemShare
  private var requests: SampledRequests?
  private var loader: ViewLoader?

  init(
    _ configuration: ImageTrainingConfiguration, dataset folder: ImageFolder, device: Device,
    generator: RandomGenerator, continuing checkpoint: Checkpoint?
  ) throws {
    self.configuration = configuration
    self.folder = folder
    self.device = device
    self.generator = generator
    precision = configuration.precision.resolved(on: device)
    method = try configuration.continuing(from: checkpoint).makeMethod(using: generator)
    share = ItemShare(of: configuration.batchSize)
    modules = [method.encoder] + (method.companions + method.trained).map(\.module)
    for module in modules { module.move(to: device) }
    collapse = CollapseMonitor(configuration.collapse)
  }

  func compute(with group: ProcessGroup) {
    share = ItemShare(of: configuration.batchSize, among: group)
    for module in modules { module.shareStatistics(over: group) }
  }

  // MARK: Data

  var items: LearningItems {
    LearningItems(
      count: folder.count, countName: "the number of pictures", name: "the folder of pictures",
      fingerprint: String(folder.fingerprint, radix: 16),
      successor: "from this one's encoder with --initial")
  }

  var batchSize: Int { configuration.batchSize }

  func begin(drawing sampler: EpochSampler, isNew: Bool) throws {
    let requests = SampledRequests(sampler)
    self.requests = requests
    loader = try ViewLoader(
      folder, plan: configuration.views!, decoder: configuration.decoder, seed: configuration.seed,
      options: configuration.loader.shared(among: share.group?.place.localSize), requests: requests,
      allocator: device.batchAllocator)
  }

  func nextBatch() throws -> Batch {
    guard let views = try loader?.next(), let samplerAfter = requests?.delivered() else {
      preconditionFailure("a sampler never ends")
    }
    return Batch(views: views, samplerAfter: samplerAfter)
  }

  func release(_ batch: Batch) { loader?.release(batch.views) }

  var waitingSeconds: Double? { loader?.report.waitingSeconds }

  func end() { loader?.report.failures.log(to: Logger(label: "jepa")) }

  // MARK: One step

  var trained: [(name: String, module: Module)] { method.trained }

  var companions: [Module] { [method.encoder] + method.companions.map(\.module) }

  func energy(of batch: Batch, step: Int) -> StepEnergy {
    method.energy(
      of: TrainingBatch(batch.views, device: device, share: share), using: generator,
      precision: precision)
  }

  func didStep(progress: Double) { method.didStep(progress: progress) }

  // MARK: Checkpoints

  func save(to folder: String) throws {
    try method.saveModules(preprocessing: configuration.preprocessing, to: folder)
  }

  func restore(from checkpoint: Checkpoint, memory: NoMemory) throws {
    try method.loadModules(from: checkpoint)
  }
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

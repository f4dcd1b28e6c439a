import EnergyDescent
import Foundation
import Learning
import TestSupport
import Torch
import TrainingRuns

/// A run of one matrix, for what is the loop's alone.
struct TinyConfiguration: TrainingConfiguration {
  var seed: UInt64 = 0
  var duration = RunDuration.steps(6)
  var accumulation = 1
  var optimizer = OptimizerConfiguration(
    matrices: .adamW, learningRate: .constant(0.1), weightDecay: 0, clipNorm: nil)
  var device = "cpu"
  var threads: Int? = 1
  var logEverySteps = 2
  var checkpoint = CheckpointConfiguration()
  var collapse = CollapseConfiguration()

  static let changeable: Set<String> = ["duration", "logEverySteps", "checkpoint", "collapse"]
}

/// Learns to map noise, drawn for each item, to a sum.
final class TinyLearner: Learner {
  struct Dataset {
    var count = 10
    var fingerprint = "ten"
    /// Where the data end: a batch after so many is an error.
    var batches = Int.max
    /// The batch whose energy is no number.
    var nanBatch: Int?
    /// The batch whose energy is a number and whose gradient is none.
    var nanGradientBatch: Int?
    /// What the companion is drawn from.
    var companionSeed: UInt64 = 0
    /// The batch whose energy takes more memory than there is.
    var hugeBatch: Int?
    var isSuspected = false
  }

  struct Batch: LearningBatch {
    let names: [String]
    let samplerAfter: EpochSampler.State
    var itemCount: Int { names.count }
  }

  struct Memory: Codable, Equatable {
    var stepsFollowed = 0
  }

  struct DataAreGone: Error {}

  let collapse: CollapseMonitor?
  private(set) var memory = Memory()
  let configuration: TinyConfiguration
  let dataset: Dataset
  private let generator: RandomGenerator
  private let layer: Linear
  /// What a teacher is to others: nothing descends on it.
  let companion: Linear
  private var sampler: EpochSampler?
  private var drawn = 0
  private var share = ItemShare(of: 4)
  private(set) var ends = 0
  /// What was learned from, in this process.
  private(set) var seen: [String] = []

  init(
    _ configuration: TinyConfiguration, dataset: Dataset, device: Device,
    generator: RandomGenerator, continuing checkpoint: Checkpoint?
  ) {
    self.configuration = configuration
    self.dataset = dataset
    self.generator = generator
    layer = Linear(4, 2, using: generator)
    companion = Linear(2, 2, using: RandomGenerator(seed: dataset.companionSeed))
    collapse = CollapseMonitor(configuration.collapse, itemsName: "numbers")
  }

  func compute(with group: ProcessGroup) { share = ItemShare(of: 4, among: group) }

  var items: LearningItems {
    LearningItems(
      count: dataset.count, countName: "the number of numbers", name: "the numbers",
      fingerprint: dataset.fingerprint, successor: "with more numbers than")
  }

  var batchSize: Int { 4 }

  func begin(drawing sampler: EpochSampler, isNew: Bool) { self.sampler = sampler }

  func nextBatch() throws -> Batch {
    drawn += 1
    guard drawn <= dataset.batches else { throw DataAreGone() }
    let batch = sampler!.nextBatch()
    return Batch(names: batch.items.map { "\($0.index)" }, samplerAfter: batch.stateAfter)
  }

  func end() { ends += 1 }

  var trained: [(name: String, module: Module)] { [("layer", layer)] }

  var companions: [Module] { [companion] }

  func energy(of batch: Batch, step: Int) -> StepEnergy {
    let input = share.own(of: Tensor.normal([share.total, 4], using: generator))
    let output = layer(input)
    if drawn == dataset.hugeBatch { _ = Tensor.empty([1 << 48]) }
    seen += batch.names
    var error = share.rows().mean(of: (output - input.slice(0..<2, along: 1)).squared())
    // The slope of a root at 0.
    if drawn == dataset.nanGradientBatch { error = error + (output.sum() * 0).squared().sqrt() }
    return StepEnergy(
      total: drawn == dataset.nanBatch ? error * .nan : error, terms: [("error", error.detached())],
      embeddings: input, embeddingShares: share.rows())
  }

  func didStep(progress: Double) { memory.stepsFollowed += 1 }

  /// Draws as training does.
  func figures() -> [Metric] { [Metric("drawn", Tensor.normal([1], using: generator).item())] }

  var isSuspected: Bool { dataset.isSuspected }

  func save(to folder: String) throws {
    try SafetensorsWriter.write(layer.state, to: "\(folder)/model.safetensors")
  }

  func restore(from checkpoint: Checkpoint, memory: Memory) throws {
    self.memory = memory
    try layer.loadState(from: SafetensorsFile(path: checkpoint.file("model.safetensors")))
  }

  /// A loop in the folder `path`.
  static func loop(
    _ configuration: TinyConfiguration = TinyConfiguration(), on dataset: Dataset = Dataset(),
    in path: String, isResuming: Bool = false, group: ProcessGroup? = nil
  ) throws -> TrainingLoop<TinyLearner> {
    var run: RunFolder?
    if group?.isFirst ?? true {
      run = isResuming ? try RunFolder.resume(at: path) : try RunFolder.create(at: path)
    }
    return try TrainingLoop(
      configuration, dataset: dataset, run: run, isResuming: isResuming, group: group)
  }
}

extension TrainingLoop {
  /// Trains until the run is over, or `steps` are done in this session.
  @discardableResult
  func train(steps: Int = .max) throws -> TrainingOutcome {
    var taken = -1
    return try train(
      reporter: ProgressReporter(duration: .steps(1), secondsBetweenLines: 1e9)
    ) {
      taken += 1
      return taken == steps
    }
  }
}

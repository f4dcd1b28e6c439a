import Learning
import Torch
import TrainingRuns

/// An autoregressive baseline that learns from prompts and answers, by the planner's update rule: the
/// likelihood of each symbol given those before.
final class BaselineLearner: Learner {
  /// Examples.
  struct Batch: LearningBatch {
    let items: [Int]
    let names: [String]
    let samplerAfter: EpochSampler.State
    var itemCount: Int { items.count }
  }

  let pairs: TrainingPairs
  var collapse: CollapseMonitor? { nil }
  private let configuration: BaselineConfiguration
  private let fingerprint: String
  private let model: AutoregressiveModel
  private var sampler: EpochSampler?
  private var group: ProcessGroup?

  init(
    _ configuration: BaselineConfiguration, dataset: TextDataset, device: Device,
    generator: RandomGenerator, continuing checkpoint: Checkpoint?
  ) throws {
    guard let promptLength = configuration.promptLength,
      let answerLength = configuration.answerLength
    else { preconditionFailure("training with a configuration that is not resolved") }
    self.configuration = configuration
    fingerprint = dataset.fingerprintText
    model = AutoregressiveModel(
      configuration.model,
      limits: TextLimits(promptLength: promptLength, answerLength: answerLength),
      using: generator)
    model.move(to: device)
    pairs = TrainingPairs(
      dataset, vocabulary: model.vocabulary, answerLength: answerLength,
      heldOutShare: configuration.heldOutShare, seed: configuration.seed)
  }

  func compute(with group: ProcessGroup) { self.group = group }

  // MARK: Data

  var items: LearningItems {
    LearningItems(
      count: pairs.trained.count, name: "the file of examples", fingerprint: fingerprint)
  }

  var batchSize: Int { configuration.batchSize }

  func begin(drawing sampler: EpochSampler, isNew: Bool) { self.sampler = sampler }

  func nextBatch() -> Batch {
    guard let drawn = sampler?.nextBatch() else {
      preconditionFailure("a batch before training began")
    }
    let items = drawn.items.map { pairs.trained[$0.index] }
    return Batch(items: items, names: pairs.excerpts(items), samplerAfter: drawn.stateAfter)
  }

  // MARK: One step

  var trained: [(name: String, module: Module)] { [("model", model)] }

  func energy(of batch: Batch, step: Int) -> StepEnergy {
    StepEnergy(
      total: loss(of: pairs.batch(batch.items, device: model.device), among: group), terms: [])
  }

  /// The cross-entropy of a symbol, averaged over all of the batch: a scalar.
  ///
  /// - Parameter group: processes that have parts of the batch: each has a loss of its own, whose mean is that of all symbols.
  private func loss(of batch: PairBatch, among group: ProcessGroup? = nil) -> Tensor {
    let sum = model.negativeLogLikelihoods(batch.answers, model.context(batch.prompts)).sum()
    let count = withoutGradient { model.symbolCounts(batch.answers).sum() }
    guard let group else { return sum / count }
    group.sum([count])
    return sum / count * Double(group.worldSize)
  }

  // MARK: What is reported

  /// The loss of some held-out pairs, and how many of them are answered right symbol by symbol.
  func figures() -> [Metric] {
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

  // MARK: Checkpoints

  func save(to folder: String) throws { try model.save(to: folder) }

  func restore(from checkpoint: Checkpoint, memory: NoMemory) throws {
    try model.loadState(
      from: SafetensorsFile(path: checkpoint.file(AutoregressiveModel.weightsName)))
  }
}

import EnergyDescent
import Files
import Foundation
import Learning
import Logging
import Torch
import TrainingRuns

/// A planner that learns from prompts and answers.
///
/// First the answer autoencoder, once for all; then the energy: one step down it must land on the truth,
/// from fresh examples and from where the model's own descents stand, which are then taken further.
final class PlannerLearner: Learner {
  /// Examples, and descents under way.
  struct Batch: LearningBatch {
    let fresh: [Int]
    /// The descents' places in the buffer, and their examples.
    let rows: [Int]
    let underWay: [Int]
    let names: [String]
    let samplerAfter: EpochSampler.State
    var itemCount: Int { fresh.count + rows.count }
  }

  /// What goes on in `state.json`.
  struct Memory: Codable {
    /// The generator of everything that is no tensor.
    var draws: SeededGenerator
  }

  let pairs: TrainingPairs
  let collapse: CollapseMonitor?
  private(set) var memory: Memory
  private let configuration: TextTrainingConfiguration
  private let fingerprint: String
  private let generator: RandomGenerator
  private let model: PlannerModel
  private let objective: PlannerObjective
  private let buffer: RolloutBuffer
  private var sampler: EpochSampler?
  /// Takes the step's descents further, once its gradients are known.
  private var lastStep: (batch: Batch, latentGradients: Tensor)?

  init(
    _ configuration: TextTrainingConfiguration, dataset: TextDataset, device: Device,
    generator: RandomGenerator, continuing checkpoint: Checkpoint?
  ) throws {
    guard let promptLength = configuration.promptLength,
      let answerLength = configuration.answerLength
    else { preconditionFailure("training with a configuration that is not resolved") }
    self.configuration = configuration
    self.generator = generator
    fingerprint = dataset.fingerprintText
    let limits = TextLimits(promptLength: promptLength, answerLength: answerLength)
    model = PlannerModel(configuration.model, limits: limits, using: generator)
    model.move(to: device)
    pairs = TrainingPairs(
      dataset, vocabulary: model.vocabulary, answerLength: answerLength,
      heldOutShare: configuration.heldOutShare, seed: configuration.seed)
    let memoryTraining =
      configuration.memory.entries > 0
      ? MemoryTraining(configuration.memory, pairs: pairs, limits: limits) : nil
    objective = PlannerObjective(
      model, pairs: pairs, configuration: configuration.objective, memory: memoryTraining,
      using: generator)
    buffer = RolloutBuffer(
      configuration.rollout, candidates: pairs.trained,
      shape: Array(model.latentShape(1).dropFirst()), device: device, using: generator)
    collapse = CollapseMonitor(
      configuration.collapse, itemsName: "prompts", isCentred: true,
      remedies: "Lower optimizer.learningRate.peak, raise batchSize, or choose another "
        + "objective.family")
    memory = Memory(draws: SeededGenerator(seed: configuration.seed, 1))
  }

  // MARK: Data

  var items: LearningItems {
    LearningItems(
      count: pairs.trained.count, name: "the file of examples", fingerprint: fingerprint)
  }

  /// Descents that a batch goes on with.
  private var rolloutCount: Int {
    Int((configuration.rollout.share * Double(configuration.batchSize)).rounded())
  }

  var batchSize: Int { configuration.batchSize - rolloutCount }

  func begin(drawing sampler: EpochSampler, isNew: Bool) throws {
    self.sampler = sampler
    if isNew { try trainAutoencoder() }
    model.autoencoder.requireGradients(false)
  }

  private func trainAutoencoder() throws {
    let exact = try AutoencoderTraining(
      configuration: configuration.autoencoder, pairs: pairs, vocabulary: model.vocabulary
    ).train(model.autoencoder, using: generator)
    Logger(label: "jepa").info(
      """
      answer autoencoder: \(String(format: "%.2f", 100 * exact)) % of \(pairs.heldOut.count) \
      held-out answers come back exactly
      """)
  }

  func nextBatch() -> Batch {
    guard let drawn = sampler?.nextBatch() else {
      preconditionFailure("a batch before training began")
    }
    let fresh = drawn.items.map { pairs.trained[$0.index] }
    let rows = buffer.draw(rolloutCount)
    let underWay = rows.map { buffer.items[$0] }
    return Batch(
      fresh: fresh, rows: rows, underWay: underWay, names: pairs.excerpts(fresh + underWay),
      samplerAfter: drawn.stateAfter)
  }

  // MARK: One step

  var trained: [(name: String, module: Module)] {
    [("prompt", model.promptEncoder), ("predictor", model.predictor)]
  }

  var parameterCount: Int { model.parameterCount }

  /// One step down the energy, and where it should have led.
  func energy(of batch: Batch, step: Int) -> StepEnergy {
    let step = objective(
      fresh: batch.fresh, rollouts: batch.underWay,
      latents: batch.rows.isEmpty ? nil : buffer.latents(at: batch.rows), step: step,
      draws: &memory.draws)
    lastStep = (batch, step.latentGradients)
    return StepEnergy(
      total: step.loss, terms: step.terms.map { ($0.name, $0.value.detached()) },
      embeddings: step.promptEmbeddings)
  }

  /// Takes the descents further.
  func didStep(progress: Double) {
    guard let (batch, gradients) = lastStep else { return }
    let first = batch.fresh.count
    buffer.advance(
      batch.rows, against: gradients.slice(first..<first + batch.rows.count), fresh: batch.fresh)
  }

  // MARK: What is reported

  func figures() -> [Metric] {
    // Those of training stay where they are.
    var draws = memory.draws
    return HeldOutFigures(of: objective, using: generator, draws: &draws).metrics
  }

  // MARK: Checkpoints

  /// Writes `model.safetensors` and `config.json`, the planner; and `rollout.safetensors` and
  /// `rollout.json`, its descents under way.
  func save(to folder: String) throws {
    model.threshold = ThresholdCalibration(model: model, pairs: pairs, seed: configuration.seed)
      .threshold()
    try model.save(to: folder)
    try SafetensorsWriter.write(
      [("latents", buffer.latents)], to: "\(folder)/rollout.safetensors")
    try JSONFile.write(buffer.state, to: "\(folder)/rollout.json")
  }

  func restore(from checkpoint: Checkpoint, memory: Memory) throws {
    self.memory = memory
    try model.loadState(
      from: SafetensorsFile(path: checkpoint.file(PlannerModel.weightsName)))
    buffer.restore(
      try JSONFile.read(RolloutBuffer.State.self, from: checkpoint.file("rollout.json")),
      latents: try SafetensorsFile(path: checkpoint.file("rollout.safetensors")).tensor("latents"))
  }
}

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
    /// What the kept weights get right of held-out prompts; nil before any was judged.
    var keptScore: Double?
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
  private let kept: KeptPlanner
  private lazy var trainedPrompts = TrainedPrompts(pairs.trainedPrompts)
  private var sampler: EpochSampler?
  /// Takes the step's descents further, once its gradients are known.
  private var lastStep: (batch: Batch, directions: Tensor, number: Int)?

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
    model = PlannerModel(
      configuration.model, limits: limits, step: configuration.objective.step, using: generator)
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
    kept = KeptPlanner(configuration.keeping, of: model) { [model] in
      let copy = PlannerModel(
        configuration.model, limits: limits, step: configuration.objective.step,
        using: RandomGenerator(seed: 0))
      copy.move(to: model.device)
      return copy
    }
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
    if isNew { kept.begin() }
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
  func energy(of batch: Batch, step number: Int) -> StepEnergy {
    let step = objective(
      fresh: batch.fresh, rollouts: batch.underWay,
      latents: batch.rows.isEmpty ? nil : buffer.latents(at: batch.rows), step: number,
      draws: &memory.draws)
    lastStep = (batch, step.directions, number + 1)
    return StepEnergy(
      total: step.loss, terms: step.terms.map { ($0.name, $0.value.detached()) },
      embeddings: step.promptEmbeddings)
  }

  /// Takes the descents further, and looks whether these weights are to be kept.
  func didStep(progress: Double) {
    guard let (batch, directions, number) = lastStep else { return }
    buffer.advance(batch.rows, against: directions, fresh: batch.fresh)
    kept.follow(step: number, judge: exactShare)
    memory.keptScore = kept.score
  }

  /// The part of held-out prompts that eight steps of planning answer right.
  private func exactShare(_ model: PlannerModel) -> Double {
    let items = Array(pairs.heldOut.prefix(configuration.keeping.prompts))
    let batch = pairs.batch(items, device: model.device)
    let noise = Tensor.normal(
      model.latentShape(items.count), using: RandomGenerator(seed: configuration.seed))
    return model.inferring {
      let decoded = model.decoded(
        after: 8, from: noise.to(device: model.device),
        model.conditioning(model.encode(batch.prompts)))
      return (decoded .== batch.answers).all(1).to(.float32).mean().item()
    }
  }

  // MARK: What is reported

  func figures() -> [Metric] {
    // Those of training stay where they are.
    var draws = memory.draws
    return HeldOutFigures(of: objective, using: generator, draws: &draws).metrics
  }

  // MARK: Checkpoints

  /// Writes `model.safetensors` and `config.json`, the planner; `rollout.safetensors` and `rollout.json`, its
  /// descents under way; and which prompts it was trained on.
  func save(to folder: String) throws {
    let chosen = kept.chosen(judge: exactShare)
    chosen.threshold = ThresholdCalibration(model: chosen, pairs: pairs, seed: configuration.seed)
      .threshold()
    try chosen.save(to: folder)
    try SafetensorsWriter.write(kept.state, to: "\(folder)/learning.safetensors")
    try SafetensorsWriter.write(
      [("latents", buffer.latents)], to: "\(folder)/rollout.safetensors")
    try JSONFile.write(buffer.state, to: "\(folder)/rollout.json")
    try trainedPrompts.save(to: folder)
  }

  func restore(from checkpoint: Checkpoint, memory: Memory) throws {
    self.memory = memory
    let learning = checkpoint.file("learning.safetensors")
    if FileManager.default.fileExists(atPath: learning) {
      try kept.restore(from: SafetensorsFile(path: learning), score: memory.keptScore)
    } else {
      // Earlier checkpoints: their model is what was trained.
      try model.loadState(
        from: SafetensorsFile(path: checkpoint.file(PlannerModel.weightsName)))
      kept.begin()
    }
    buffer.restore(
      try JSONFile.read(RolloutBuffer.State.self, from: checkpoint.file("rollout.json")),
      latents: try SafetensorsFile(path: checkpoint.file("rollout.safetensors")).tensor("latents"))
  }
}

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
    /// All processes' examples, and this one's.
    let allFresh: [Int]
    let fresh: [Int]
    /// The places of all processes' descents in the buffer, and this one's with their examples.
    let allRows: [Int]
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
  private var objective: PlannerObjective
  private let rollout: RolloutPolicy
  private let buffer: RolloutBuffer
  private let kept: KeptPlanner
  private lazy var trainedPrompts = TrainedPrompts(pairs.trainedPrompts)
  private var sampler: EpochSampler?
  private var group: ProcessGroup?
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
    rollout = RolloutPolicy(configuration.rollout, along: configuration.objective.step)
    buffer = RolloutBuffer(
      rollout, candidates: pairs.trained,
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

  /// Every process knows all descents under way and draws the whole batch, for it is numbers only; it computes its part of
  /// both, and all take all descents further.
  func compute(with group: ProcessGroup) { self.group = group }

  /// This process's of what all have.
  private func own<Element>(_ all: [Element]) -> [Element] {
    guard let group else { return all }
    return stride(from: group.rank, to: all.count, by: group.worldSize).map { all[$0] }
  }

  /// How so many of something lie on the processes.
  private func shares(of count: Int) -> RowShares? {
    count > 0 ? ItemShare(of: count, among: group).rows() : nil
  }

  // MARK: Data

  var items: LearningItems {
    LearningItems(
      count: pairs.trained.count, name: "the file of examples", fingerprint: fingerprint)
  }

  /// Descents that a batch goes on with.
  private var rolloutCount: Int {
    Int((rollout.share * Double(configuration.batchSize)).rounded())
  }

  var batchSize: Int { configuration.batchSize - rolloutCount }

  func begin(drawing sampler: EpochSampler, isNew: Bool) throws {
    self.sampler = try EpochSampler(
      resuming: sampler.state, itemCount: pairs.trained.count, batchSize: batchSize)
    if isNew { try trainAutoencoder() }
    model.autoencoder.requireGradients(false)
    if isNew { kept.begin() }
  }

  private func trainAutoencoder() throws {
    let exact = try AutoencoderTraining(
      configuration: configuration.autoencoder, pairs: pairs, vocabulary: model.vocabulary
    ).train(model.autoencoder, using: generator)
    // All train it alike; machines of different kinds round differently.
    group?.broadcast(model.autoencoder.parameters.map { $0.tensor.detached() })
    guard group?.isFirst ?? true else { return }
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
    let allFresh = drawn.items.map { pairs.trained[$0.index] }
    let allRows = buffer.draw(rolloutCount)
    let (fresh, rows) = (own(allFresh), own(allRows))
    let underWay = rows.map { buffer.items[$0] }
    return Batch(
      allFresh: allFresh, fresh: fresh, allRows: allRows, rows: rows, underWay: underWay,
      names: pairs.excerpts(fresh + underWay),
      samplerAfter: drawn.stateAfter)
  }

  // MARK: One step

  var trained: [(name: String, module: Module)] {
    [("prompt", model.promptEncoder), ("predictor", model.predictor)]
  }

  var parameterCount: Int { model.parameterCount }

  /// One step down the energy, and where it should have led.
  func energy(of batch: Batch, step number: Int) -> StepEnergy {
    let step = withOwnDraws(batch, number) { draws in
      objective(
        fresh: batch.fresh, rollouts: batch.underWay,
        latents: batch.rows.isEmpty ? nil : buffer.latents(at: batch.rows), step: number,
        draws: &draws)
    }
    lastStep = (batch, step.directions, number + 1)
    return StepEnergy(
      total: step.loss, terms: step.terms.map { ($0.name, $0.value.detached()) },
      embeddings: step.promptEmbeddings, embeddingShares: objective.shares)
  }

  /// Runs `body` with draws that are this process's alone: they depend on the seed, the step and the rank, and leave those
  /// that all processes have in common where they are.
  private func withOwnDraws<Result>(
    _ batch: Batch, _ step: Int, _ body: (inout SeededGenerator) -> Result
  ) -> Result {
    guard let group else { return body(&memory.draws) }
    let (fresh, rows) = (shares(of: batch.allFresh.count), shares(of: batch.allRows.count))
    objective.shares = fresh.map { fresh in
      RowShares(
        fresh.counts.enumerated().map { $1 + (rows?.counts[$0] ?? 0) }, on: group)
    }
    objective.rolloutShares = rows
    objective.sharedGenerator = RandomGenerator(
      seed: Self.seed(configuration.seed, step, rank: group.worldSize))
    let common = generator.state
    defer { generator.state = common }
    let seed = Self.seed(configuration.seed, step, rank: group.rank)
    generator.state = RandomGenerator(seed: seed).state
    var draws = SeededGenerator(seed: seed, 1)
    return body(&draws)
  }

  private static func seed(_ seed: UInt64, _ step: Int, rank: Int) -> UInt64 {
    var draws = SeededGenerator(seed: seed, UInt64(step), UInt64(rank))
    return draws.next()
  }

  /// Takes the descents further, and looks whether these weights are to be kept.
  func didStep(progress: Double) {
    guard let (batch, directions, number) = lastStep else { return }
    var (rows, moves) = (batch.rows, directions)
    if let shares = shares(of: batch.allRows.count) {
      moves = withoutGradient { moves.gathered(shares) }
      rows = (0..<shares.group.worldSize).flatMap { rank in
        stride(from: rank, to: batch.allRows.count, by: shares.group.worldSize)
          .map { batch.allRows[$0] }
      }
    }
    buffer.advance(rows, against: moves, fresh: batch.allFresh)
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

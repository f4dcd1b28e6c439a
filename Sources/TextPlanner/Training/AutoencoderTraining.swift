import EnergyDescent
import Torch
import TrainingRuns

/// How the answer autoencoder is trained, before the planner and once for all.
public struct AutoencoderConfiguration: RunConfiguration {
  public var steps = 600
  public var batchSize = 256
  public var learningRate = 3e-3
  /// The standard deviation of the noise on latents that are decoded; theirs is 1.
  public var noise = 0.5
  /// The part of each batch that is random strings, so that symbols which answers seldom hold are learned.
  public var randomShare = 0.5
  /// The part of held-out answers that must come back exactly.
  public var neededExact = 0.999

  public init() {}

  /// - Throws: `RunError.invalidValue`.
  func validate() throws {
    let check = SettingCheck(in: "autoencoder")
    try check(steps >= 1, "steps", "at least 1, found \(steps)")
    try check((1...65_536).contains(batchSize), "batchSize", "1 to 65536, found \(batchSize)")
    try check(learningRate > 0, "learningRate", "above 0, found \(learningRate)")
    try check(noise >= 0 && noise.isFinite, "noise", "0 or more, found \(noise)")
    for (name, share) in [("randomShare", randomShare), ("neededExact", neededExact)] {
      try check((0...1).contains(share), name, "0 to 1, found \(share)")
    }
  }
}

/// The first stage: answers to latents and back.
struct AutoencoderTraining {
  let configuration: AutoencoderConfiguration
  let pairs: TrainingPairs
  let vocabulary: Vocabulary

  /// Trains, and checks what comes back.
  ///
  /// - Returns: the part of held-out answers that come back exactly.
  /// - Throws: `PlannerError.autoencoderFailed`.
  @discardableResult
  func train(_ autoencoder: AnswerAutoencoder, using generator: RandomGenerator) throws -> Double {
    let device = autoencoder.parameters[0].tensor.device
    let descent = WeightDescent(
      [(name: "autoencoder", module: autoencoder)], betas: (0.9, 0.98), weightDecay: 0,
      clipNorm: 1)
    let rate = Schedule(peak: configuration.learningRate, end: 0, warmup: 0.05)
    let random = Int((configuration.randomShare * Double(configuration.batchSize)).rounded())
    for step in 0..<configuration.steps {
      let drawn: [Int64] = Tensor.integers(
        in: 0..<pairs.trained.count, [configuration.batchSize - random], using: generator
      ).array()
      let real = pairs.answers(drawn.map { pairs.trained[Int($0)] }, device: device)
      let noise = Tensor.integers(
        in: 0..<vocabulary.count, [random, real.size(1)], using: generator)
      let answers = Tensor.concatenate([real, noise.to(device: device)])
      let latents = autoencoder.encode(answers)
      let disturbance = Tensor.normal(latents.shape, using: generator).to(device: device)
      autoencoder.reconstructionLoss(latents + disturbance * configuration.noise, answers)
        .backward()
      descent.step(stepSize: rate.value(at: Double(step) / Double(configuration.steps)))
    }
    let exact = exactShare(autoencoder)
    guard exact >= configuration.neededExact else {
      throw PlannerError.autoencoderFailed(
        exact: exact, needed: configuration.neededExact, steps: configuration.steps)
    }
    return exact
  }

  /// The part of held-out answers that come back exactly.
  func exactShare(_ autoencoder: AnswerAutoencoder) -> Double {
    autoencoder.inferring {
      let device = autoencoder.parameters[0].tensor.device
      var right = 0.0
      for start in stride(from: 0, to: pairs.heldOut.count, by: 1024) {
        let items = Array(pairs.heldOut[start..<min(start + 1024, pairs.heldOut.count)])
        let answers = pairs.answers(items, device: device)
        let back = autoencoder.decode(autoencoder.encode(answers))
        right += (back .== answers).all(1).to(.float32).sum().item()
      }
      return right / Double(pairs.heldOut.count)
    }
  }
}

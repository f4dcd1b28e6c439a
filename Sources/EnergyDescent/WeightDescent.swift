import Torch

/// Where gradients of several processes meet. A single process has nothing to exchange.
public protocol GradientExchange: AnyObject {
  var rank: Int { get }
  var worldSize: Int { get }
  /// Replaces every gradient by its mean over all processes.
  func average(_ gradients: [Tensor])
}

extension ProcessGroup: GradientExchange {
  /// Replaces every gradient by its mean over all processes: all of them travel at once.
  public func average(_ gradients: [Tensor]) {
    sum(gradients)
    withoutGradient { for gradient in gradients { gradient.scale(by: 1 / Double(worldSize)) } }
  }
}

/// The exchange of one process: nothing happens.
public final class SingleProcess: GradientExchange {
  public let rank = 0
  public let worldSize = 1
  public init() {}
  public func average(_ gradients: [Tensor]) {}
}

/// Descends on the weights of modules: backward, exchange, clip, update.
public final class WeightDescent {
  /// The weights in the order that the rule serves: decayed ones first.
  public let parameters: [(name: String, tensor: Tensor)]
  private let rule: any UpdateRule
  private let clipNorm: Double?
  private let exchange: any GradientExchange

  /// Which rule moves the matrices inside the networks; the rest is AdamW's in any case.
  public enum MatrixRule: String, Codable, Sendable, CaseIterable {
    case adamW = "adamw"
    case muon
  }

  /// A rule for the weights of `modules`; only matrices decay, not biases, norms, tokens and positions.
  ///
  /// - Parameters:
  ///   - modules: what to train, each with the name its parameters start with.
  ///   - matrices: the rule for matrices; with Muon their steps are `matrixStepScale` times as
  ///     long.
  ///   - matrixStepScale: how many times AdamW's steps those of Muon are.
  ///   - betas: AdamW's, see there.
  ///   - epsilon: AdamW's, see there.
  ///   - weightDecay: the share of a matrix that a step of size 1 takes away.
  ///   - clipNorm: gradients whose norm over all weights is greater are scaled down to it.
  ///   - exchange: how gradients are averaged over processes.
  public init(
    _ modules: [(name: String, module: Module)], matrices: MatrixRule = .adamW,
    matrixStepScale: Double = 10, betas: (Double, Double), epsilon: Double = 1e-8,
    weightDecay: Double, clipNorm: Double?,
    exchange: any GradientExchange = SingleProcess()
  ) {
    let named = modules.flatMap { entry in
      entry.module.parameters.map { (name: "\(entry.name).\($0.name)", tensor: $0.tensor) }
    }
    // Muon is for matrices between hidden layers, not for those that read pixels.
    let reading = Set(
      modules.flatMap { entry in entry.module.inputWeights.map { "\(entry.name).\($0.name)" } })
    func isInner(_ parameter: (name: String, tensor: Tensor)) -> Bool {
      matrices == .muon && Self.decays(parameter.name, parameter.tensor)
        && !reading.contains(parameter.name)
    }
    let inner = named.filter(isInner)
    let outer = named.filter { !isInner($0) }
    let decayed = outer.filter { Self.decays($0.name, $0.tensor) }
    let others = outer.filter { !Self.decays($0.name, $0.tensor) }
    parameters = inner + decayed + others
    let adamW = AdamW(
      betas: betas, epsilon: epsilon,
      groups: [
        AdamW.Group(count: decayed.count, weightDecay: weightDecay),
        AdamW.Group(count: others.count, weightDecay: 0),
      ])
    let muon = Muon(weightDecay: weightDecay / matrixStepScale)
    rule = SplitRule([
      SplitRule.Part(count: inner.count, rule: muon, stepScale: matrixStepScale),
      SplitRule.Part(count: outer.count, rule: adamW),
    ])
    self.clipNorm = clipNorm
    self.exchange = exchange
  }

  /// The rule that a run's configuration asks for.
  public convenience init(
    _ modules: [(name: String, module: Module)], _ configuration: OptimizerConfiguration,
    exchange: any GradientExchange = SingleProcess()
  ) {
    self.init(
      modules, matrices: configuration.matrices, matrixStepScale: configuration.matrixStepScale,
      betas: (configuration.beta1, configuration.beta2), weightDecay: configuration.weightDecay,
      clipNorm: configuration.clipNorm, exchange: exchange)
  }

  private static func decays(_ name: String, _ tensor: Tensor) -> Bool {
    tensor.rank >= 2 && name.hasSuffix("weight")
  }

  /// One update from the gradients that `backward()` left in the weights, which it clears.
  ///
  /// - Parameters:
  ///   - stepSize: how far.
  ///   - figures: tensors that are averaged over the processes on the way, in place.
  /// - Returns: the norm of the gradient before clipping, a scalar tensor; reading it waits for it.
  @discardableResult
  public func step(stepSize: Double, averaging figures: [Tensor] = []) -> Tensor {
    let tensors = parameters.map(\.tensor)
    let gradients = tensors.map { $0.gradient ?? Tensor.zeros(like: $0) }
    exchange.average(gradients + figures)
    let norm = globalNorm(gradients)
    if let clipNorm {
      scale(gradients, by: (clipNorm / (norm + 1e-6)).clamped(to: 0...1))
    }
    rule.update(tensors, against: gradients, stepSize: stepSize)
    for tensor in tensors { tensor.gradient = nil }
    return norm
  }

  /// The rule's memory, under the names of the weights it belongs to.
  public var state: [(name: String, tensor: Tensor)] {
    rule.state.map { ("\(parameters[$0.variable].name).\($0.name)", $0.tensor) }
  }

  /// Continues from a saved state.
  ///
  /// - Throws: `TorchError.stateMismatch` when a tensor is missing, unexpected or of another shape.
  public func restore(from file: SafetensorsFile) throws {
    // Saved before the first step.
    if file.names.isEmpty { return }
    // A rule that has not moved yet remembers nothing: a step of length 0 and no gradient tells what
    // it would remember.
    let tensors = parameters.map(\.tensor)
    rule.update(tensors, against: tensors.map { Tensor.zeros(like: $0) }, stepSize: 0)
    let expected = Dictionary(
      uniqueKeysWithValues: zip(state, rule.state).map { ($0.name, $1) })
    let present = Set(file.names)
    let missing = Set(expected.keys).subtracting(present).sorted()
    let unexpected = present.subtracting(expected.keys).sorted()
    let misshapen = try expected.filter { present.contains($0.key) }.compactMap { name, wanted in
      let shape = try file.entry(name).shape
      let expected = wanted.tensor.shape
      return shape == expected ? nil : "\(name) (expected \(expected), found \(shape))"
    }
    guard missing.isEmpty, unexpected.isEmpty, misshapen.isEmpty else {
      throw TorchError.stateMismatch(
        path: file.path, missing: missing, unexpected: unexpected, misshapen: misshapen.sorted())
    }
    let saved = try expected.map { name, memory in
      VariableMemory(
        variable: memory.variable, name: memory.name, tensor: try file.tensor(name))
    }
    rule.restore(saved, for: tensors)
  }
}

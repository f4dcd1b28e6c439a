import EnergyDescent
import Foundation
import TestSupport
import Testing
import Torch

/// Descent on the weights of modules, its checkpoints, and the teacher that follows.
@Suite struct WeightDescentTests {
  /// A network with a layer of each kind that is treated differently.
  final class Network: Module {
    let convolution: Conv2d
    let norm = BatchNorm(4)
    let inner: Linear

    init(seed: UInt64) {
      let generator = RandomGenerator(seed: seed)
      convolution = Conv2d(3, 4, using: generator)
      convolution.readsInput = true
      inner = Linear(4, 6, using: generator)
      super.init()
      register(convolution, as: "convolution")
      register(norm, as: "norm")
      register(inner, as: "inner")
    }

    func callAsFunction(_ pictures: Tensor) -> Tensor {
      inner(norm(convolution(pictures)).relu().mean(2, 3)).squared().mean()
    }
  }

  static func descent(
    _ network: Network, matrices: WeightDescent.MatrixRule = .muon, clipNorm: Double? = 1
  ) -> WeightDescent {
    WeightDescent(
      [("network", network)], matrices: matrices, betas: (0.9, 0.99), weightDecay: 0.05,
      clipNorm: clipNorm)
  }

  /// One step on pictures that depend on its number only.
  static func step(_ network: Network, _ descent: WeightDescent, _ step: Int) -> Double {
    let loss = network(
      Tensor.normal([4, 3, 8, 8], using: RandomGenerator(seed: UInt64(50 + step))))
    loss.backward()
    descent.step(stepSize: 0.01)
    return loss.item()
  }

  private static func file() -> TemporaryPath { TemporaryPath("optimizer") }

  @Test(arguments: WeightDescent.MatrixRule.allCases)
  func savedAndRestoredGoesOnExactly(matrices: WeightDescent.MatrixRule) throws {
    let file = Self.file()
    let network = Network(seed: 1)
    let descent = Self.descent(network, matrices: matrices)
    for step in 0..<3 { _ = Self.step(network, descent, step) }
    try SafetensorsWriter.write(descent.state, to: file.path)

    let other = Network(seed: 2)
    other.copyState(from: network)
    let restored = Self.descent(other, matrices: matrices)
    try restored.restore(from: SafetensorsFile(path: file.path))
    for step in 3..<7 {
      #expect(Self.step(network, descent, step) == Self.step(other, restored, step))
    }
    for (own, theirs) in zip(network.state, other.state) {
      #expect(relativeDifference(theirs.tensor, from: own.tensor) == 0, "\(own.name)")
    }
  }

  @Test func stateStandsUnderTheWeightsNames() {
    let network = Network(seed: 1)
    let descent = Self.descent(network)
    #expect(descent.state.isEmpty)
    _ = Self.step(network, descent, 0)
    let names = Set(descent.state.map(\.name))
    // Matrices inside go with Muon; what reads pixels, biases and norms with AdamW.
    #expect(names.contains("network.inner.weight.moment"))
    #expect(names.contains("network.convolution.weight.firstMoment"))
    #expect(names.contains("network.inner.bias.secondMoment"))
    #expect(names.contains("network.norm.weight.step"))
    #expect(Set(descent.parameters.map(\.name)).count == network.parameters.count)
  }

  @Test func aStateSavedBeforeTheFirstStepIsNoMemory() throws {
    let file = Self.file()
    let network = Network(seed: 1)
    let descent = Self.descent(network)
    try SafetensorsWriter.write(descent.state, to: file.path)
    let other = Network(seed: 1)
    let restored = Self.descent(other)
    try restored.restore(from: SafetensorsFile(path: file.path))
    for step in 0..<3 {
      #expect(Self.step(network, descent, step) == Self.step(other, restored, step))
    }
  }

  @Test func aStateOfAnotherNetworkIsAnError() throws {
    let file = Self.file()
    let network = Network(seed: 1)
    let descent = Self.descent(network)
    _ = Self.step(network, descent, 0)
    var state = descent.state
    state.removeAll { $0.name == "network.inner.weight.moment" }
    state.append((name: "network.other.moment", tensor: Tensor.zeros([1])))
    state = state.map {
      $0.name == "network.inner.bias.firstMoment" ? ($0.name, Tensor.zeros([7])) : $0
    }
    try SafetensorsWriter.write(state, to: file.path)
    let fresh = Self.descent(Network(seed: 2))
    #expect(
      throws: TorchError.stateMismatch(
        path: file.path, missing: ["network.inner.weight.moment"],
        unexpected: ["network.other.moment"],
        misshapen: ["network.inner.bias.firstMoment (expected [6], found [7])"])
    ) { try fresh.restore(from: SafetensorsFile(path: file.path)) }
  }

  @Test func gradientsAreClippedToTheirNormOverAllWeights() {
    // After one step of AdamW the first moments are 0.1 times the gradient that it saw.
    func moments(clipNorm: Double?) -> (returned: Double, seen: Double) {
      let network = Network(seed: 1)
      let descent = Self.descent(network, matrices: .adamW, clipNorm: clipNorm)
      (network(Tensor.normal([4, 3, 8, 8], using: RandomGenerator(seed: 4))) * 1000).backward()
      let norm = descent.step(stepSize: 0.01)
      let first = descent.state.filter { $0.name.hasSuffix("firstMoment") }.map(\.tensor)
      return (norm.item(), globalNorm(first).item() * 10)
    }
    let free = moments(clipNorm: nil)
    #expect(abs(free.seen / free.returned - 1) < 1e-4)
    let clipped = moments(clipNorm: 0.5)
    #expect(clipped.returned == free.returned, "the norm is the one before clipping")
    #expect(abs(clipped.seen - 0.5) < 1e-3)
    let loose = moments(clipNorm: free.returned * 2)
    #expect(abs(loose.seen / free.returned - 1) < 1e-4, "small gradients are left alone")
  }

  @Test func aStepUsesUpItsGradients() {
    let network = Network(seed: 1)
    let descent = Self.descent(network)
    _ = Self.step(network, descent, 0)
    #expect(descent.parameters.allSatisfy { $0.tensor.gradient == nil })
  }

  @Test func gradientsAreExchangedBeforeAnythingElse() {
    /// The mean of this process's gradients and another's, which are all zero.
    final class Halving: GradientExchange {
      let rank = 0
      let worldSize = 2
      func average(_ gradients: [Tensor]) { scale(gradients, by: Tensor(0.5)) }
    }
    func norm(_ exchange: any GradientExchange) -> Double {
      let network = Network(seed: 1)
      let descent = WeightDescent(
        [("network", network)], betas: (0.9, 0.99), weightDecay: 0, clipNorm: nil,
        exchange: exchange)
      network(Tensor.normal([4, 3, 8, 8], using: RandomGenerator(seed: 4))).backward()
      return descent.step(stepSize: 0.01).item()
    }
    #expect(abs(norm(Halving()) / norm(SingleProcess()) - 0.5) < 1e-5)
  }

  @Test func infiniteSettingsAreRefused() {
    var configuration = OptimizerConfiguration(
      learningRate: Schedule(peak: 1e-3, end: 0, warmup: 0, shape: .cosine), weightDecay: .infinity,
      clipNorm: nil)
    #expect(configuration.problem?.setting == "weightDecay")
    #expect(configuration.problem?.reason == "0 or more, found inf")
    configuration.weightDecay = 0
    #expect(configuration.problem == nil)
    configuration.learningRate = Schedule(peak: .infinity, end: 0, warmup: 0, shape: .cosine)
    #expect(configuration.problem?.setting == "learningRate.peak")
  }

  // MARK: Teacher

  @Test func theTeacherIsAMovingAverage() {
    let (student, copy) = (Network(seed: 1), Network(seed: 2))
    let teacher = Teacher(of: student, copy: copy)
    func weights(_ network: Network) -> [Float] { network.inner.weight.array() }
    #expect(weights(teacher.module) == weights(student))
    #expect(teacher.module.parameters.allSatisfy { !$0.tensor.requiresGradient })

    let before = weights(student)
    _ = Self.step(student, Self.descent(student), 0)
    let after = weights(student)
    #expect(weights(teacher.module) == before, "a teacher moves when it is told to")
    teacher.follow(student, momentum: 0.9)
    for (index, found) in weights(teacher.module).enumerated() {
      #expect(abs(found - (0.9 * before[index] + 0.1 * after[index])) < 1e-6)
    }
    // Running statistics are those of what it sees itself: nothing yet.
    for (own, fresh) in zip(teacher.module.buffers, Network(seed: 1).buffers) {
      #expect(own.tensor.array(of: Float.self) == fresh.tensor.array(of: Float.self))
    }
    teacher.follow(student, momentum: 1)
    #expect(weights(teacher.module) != after)
    teacher.follow(student, momentum: 0)
    #expect(weights(teacher.module) == after)
  }
}

import TestSupport
import Testing
import Torch

@Suite struct RandomGeneratorTests {
  @Test func theSeedDecides() {
    func draw(_ seed: UInt64) -> [Float] {
      Tensor.normal([40], using: RandomGenerator(seed: seed)).array()
    }
    #expect(draw(1) == draw(1))
    #expect(draw(1) != draw(2))
    #expect(draw(0) != draw(.max))
  }

  @Test func continuesFromASavedState() {
    let generator = RandomGenerator(seed: 5)
    // An odd number of normal draws leaves half of a pair behind, which belongs to the state.
    _ = Tensor.normal([3], using: generator)
    let state = generator.state
    let expected = Tensor.normal([33], using: generator).array(of: Float.self)
    let other = RandomGenerator(seed: 6)
    other.state = state
    #expect(Tensor.normal([33], using: other).array(of: Float.self) == expected)
    generator.state = state
    #expect(Tensor.normal([33], using: generator).array(of: Float.self) == expected)
  }

  @Test func generatorsDoNotDisturbEachOther() {
    let (first, second) = (RandomGenerator(seed: 1), RandomGenerator(seed: 1))
    let alone = Tensor.uniform([8], using: first).array(of: Float.self)
    _ = Tensor.uniform([5], using: RandomGenerator(seed: 9))
    #expect(Tensor.uniform([8], using: second).array(of: Float.self) == alone)
  }

  @Test func rangesOfEachDistribution() {
    let generator = RandomGenerator(seed: 3)
    let uniform = Tensor.uniform([10_000], using: generator)
    #expect(uniform.min().item() >= 0 && uniform.max().item() < 1)
    #expect(abs(uniform.mean().item() - 0.5) < 0.02)
    let normal = Tensor.normal([10_000], using: generator)
    #expect(abs(normal.mean().item()) < 0.05)
    #expect(abs(normal.variance().item() - 1) < 0.05)
    let integers = Tensor.integers(in: -2..<3, [1000], using: generator).array(of: Int64.self)
    #expect(Set(integers) == [-2, -1, 0, 1, 2])
    let order = Tensor.permutation(50, using: generator).array(of: Int64.self)
    #expect(order != order.sorted() && order.sorted() == Array(0..<50))
  }

  @Test func initialWeights() {
    let generator = RandomGenerator(seed: 4)
    let weights = Initializer.truncatedNormal([20_000], using: generator)
    #expect(weights.abs().max().item() <= 0.04 + 1e-7)
    // A normal distribution cut off at two deviations has 0.88 of its deviation left.
    #expect(abs(weights.variance().sqrt().item() / 0.02 - 0.88) < 0.02)
    let fan = Initializer.fanInUniform([20_000], fanIn: 25, using: generator)
    #expect(fan.abs().max().item() <= 0.2)
    let he = Initializer.heNormal([20_000], fan: 50, using: generator)
    #expect(abs(he.variance().sqrt().item() - 0.2) < 0.01)
  }
}

import Foundation
import TestSupport
import Testing
import Torch

@testable import EnergyDescent

/// The rules by which variables move, and what they remember.
@Suite struct UpdateRuleTests {
  /// Gradients that a test can repeat.
  static func gradients(like variables: [Tensor], step: Int) -> [Tensor] {
    let generator = RandomGenerator(seed: UInt64(100 + step))
    return variables.map { Tensor.normal($0.shape, using: generator) }
  }

  static func variables() -> [Tensor] {
    let generator = RandomGenerator(seed: 1)
    return [[8, 4], [4, 16], [5]].map { Tensor.normal($0, using: generator) }
  }

  @Test func gradientDescentSubtracts() {
    let z = Tensor([1, 2] as [Float])
    GradientDescent().update([z], against: [Tensor([4, -8] as [Float])], stepSize: 0.25)
    #expect(z.array(of: Float.self) == [0, 4])
  }

  @Test(arguments: [(24, 64), (64, 24), (33, 80)])
  func muonsDirectionsAreNearlyOrthogonal(rows: Int, columns: Int) {
    let matrices = Tensor.normal([3, rows, columns], using: RandomGenerator(seed: 5))
    let orthogonal = Muon.orthogonalized(matrices * 100)
    #expect(orthogonal.shape == matrices.shape)
    for index in 0..<3 {
      for value in orthogonal[index].singularValues().array(of: Float.self) {
        #expect((0.65...1.3).contains(value), "\(value)")
      }
    }
    // The scale of a gradient does not matter, its direction does.
    let small = Muon.orthogonalized(matrices * 1e-3)
    #expect(relativeDifference(small, from: orthogonal) < 1e-3)
    let flipped = Muon.orthogonalized(-matrices)
    #expect(relativeDifference(-flipped, from: orthogonal) < 1e-3)
  }

  @Test func muonMovesEveryDirectionEquallyFar() {
    // A gradient of two very different directions: the step is as long along both.
    let z = Tensor.zeros([2, 2])
    Muon(weightDecay: 0).update(
      [z], against: [Tensor([10, 0, 0, 1] as [Float], shape: [2, 2])], stepSize: 0.1)
    let moved = z.array(of: Float.self)
    #expect(abs(moved[0] / moved[3] - 1) < 0.5)
    #expect((-0.13 ... -0.06).contains(moved[0]))
    #expect(abs(moved[1]) < 1e-6 && abs(moved[2]) < 1e-6)
  }

  @Test func gainsGrowAlongTheWayAndShrinkWhereItTurns() {
    let z = Tensor.zeros([2])
    let rule = GainedMomentum(momentum: 0.5)
    func step(_ gradient: [Float]) -> [Float] {
      let before = z.array(of: Float.self)
      rule.update([z], against: [Tensor(gradient)], stepSize: 0.1)
      return zip(z.array(of: Float.self), before).map { $0 - $1 }
    }
    func expect(_ moved: [Float], _ expected: [Float]) {
      #expect(zip(moved, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(moved)")
    }
    // Nothing goes on at rest: both gains fall to 0.8.
    expect(step([1, 1]), [-0.08, -0.08])
    // On: 1. Turned round: 0.64.
    expect(step([1, -1]), [-0.04 - 0.1, -0.04 + 0.064])
    // On again: 1.2; and the other, turned, goes on too: 0.84.
    expect(step([1, -1]), [-0.07 - 0.12, 0.012 + 0.084])
  }

  @Test func weightDecayIsDecoupled() {
    // No gradient: weights shrink by step size times decay and nothing else.
    let z = Tensor.ones([3, 3])
    Muon(weightDecay: 0.5).update([z], against: [Tensor.zeros([3, 3])], stepSize: 0.1)
    #expect(z.array(of: Float.self).allSatisfy { abs($0 - 0.95) < 1e-6 })
    let y = Tensor.ones([3])
    AdamW(groups: [AdamW.Group(count: 1, weightDecay: 0.5)])
      .update([y], against: [Tensor.zeros([3])], stepSize: 0.1)
    #expect(y.array(of: Float.self).allSatisfy { abs($0 - 0.95) < 1e-6 })
  }

  // MARK: Memory

  /// A rule of every kind, for two matrices and a vector.
  static let makers: [(name: String, make: @Sendable () -> any UpdateRule)] = [
    ("gradient", { GradientDescent() }),
    (
      "adamw",
      { AdamW(groups: [.init(count: 2, weightDecay: 0.1), .init(count: 1, weightDecay: 0)]) }
    ),
    (
      "split",
      {
        SplitRule([
          .init(count: 2, rule: Muon(weightDecay: 0.01), stepScale: 10),
          .init(count: 1, rule: AdamW()),
        ])
      }
    ),
    ("gained", { GainedMomentum() }),
  ]

  @Test(arguments: makers.indices)
  func aRestoredRuleGoesOnAsIfNeverStopped(index: Int) {
    let make = Self.makers[index].make
    let (rule, variables) = (make(), Self.variables())
    for step in 0..<3 {
      rule.update(
        variables, against: Self.gradients(like: variables, step: step), stepSize: 0.01)
    }
    let saved = rule.state.map {
      VariableMemory(variable: $0.variable, name: $0.name, tensor: $0.tensor.clone())
    }
    let copies = variables.map { $0.clone() }
    let restored = make()
    restored.restore(saved, for: copies)
    #expect(restored.state.map(\.name) == rule.state.map(\.name))
    #expect(restored.state.map(\.variable) == rule.state.map(\.variable))
    for (own, other) in zip(rule.state, restored.state) {
      #expect(own.tensor.shape == other.tensor.shape)
      #expect(relativeDifference(other.tensor, from: own.tensor) == 0, "\(own.name)")
    }
    for step in 3..<6 {
      let gradients = Self.gradients(like: variables, step: step)
      rule.update(variables, against: gradients, stepSize: 0.01)
      restored.update(copies, against: gradients, stepSize: 0.01)
    }
    for (own, other) in zip(variables, copies) {
      #expect(relativeDifference(other, from: own) == 0)
    }
  }

  @Test func aSplitRuleNumbersVariablesInTheWholeList() throws {
    let rule = try #require(Self.makers.first { $0.name == "split" }).make()
    let variables = Self.variables()
    rule.update(variables, against: variables, stepSize: 0.01)
    let moments = Dictionary(grouping: rule.state, by: \.name).mapValues { $0.map(\.variable) }
    #expect(
      moments == ["moment": [0, 1], "firstMoment": [2], "secondMoment": [2], "step": [2]])
  }

  @Test func aSplitRuleServesItsOwnNumberOfVariables() async {
    await #expect(processExitsWith: .failure) {
      SplitRule([.init(count: 2, rule: GradientDescent())])
        .update([Tensor.ones([1])], against: [Tensor.ones([1])], stepSize: 1)
    }
  }

  @Test func schedulesAtKnownPoints() {
    let cosine = Schedule(peak: 2, end: 1, warmup: 0.2)
    #expect(cosine.value(at: 0) == 0)
    #expect(cosine.value(at: 0.1) == 1)
    #expect(cosine.value(at: 0.2) == 2)
    #expect(abs(cosine.value(at: 0.6) - 1.5) < 1e-12)
    #expect(abs(cosine.value(at: 0.4) - (1 + (1 + 0.5.squareRoot()) / 2)) < 1e-12)
    #expect(abs(cosine.value(at: 1) - 1) < 1e-12)
    let linear = Schedule(peak: 0.996, end: 1, shape: .linear)
    #expect(linear.value(at: 0) == 0.996)
    #expect(abs(linear.value(at: 0.5) - 0.998) < 1e-12)
    #expect(linear.value(at: 1) == 1)
    let trapezoid = Schedule(peak: 2, end: 1, warmup: 0.5, shape: .trapezoid)
    #expect(trapezoid.value(at: 0.25) == 1 && trapezoid.value(at: 0.79) == 2)
    #expect(abs(trapezoid.value(at: 0.9) - 1.5) < 1e-12)
    #expect(abs(trapezoid.value(at: 1) - 1) < 1e-12)
    for progress in [-1, 0, 0.3, 1, 2] {
      #expect(Schedule.constant(3).value(at: progress) == 3)
    }
    // Beyond either end the value stays that of the end.
    #expect(cosine.value(at: -5) == 0 && cosine.value(at: 9) == cosine.value(at: 1))
    #expect(Schedule(peak: 2, end: 1, warmup: 1).value(at: 0.5) == 1)
  }
}

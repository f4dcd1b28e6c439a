import EnergyDescent
import Testing
import Torch

/// Descents along z - F(z), towards fixed points that are known.
@Suite struct ResidualStepTests {
  /// F(z) = M z + b for rows z of two numbers.
  final class Affine: ResidualEnergy {
    private let matrix: Tensor
    private let offset: Tensor
    private(set) var predictionCount = 0

    init(_ matrix: [Double], offset: [Double] = [0, 0]) {
      self.matrix = Tensor(matrix, shape: [2, 2])
      self.offset = Tensor(offset)
    }

    func predictions(of variables: [Tensor], items: Tensor) -> [Tensor] {
      predictionCount += items.size(0)
      return [variables[0].matmul(matrix.transposed()) + offset]
    }
  }

  /// Stops an item, and perhaps its race, whose energy is low enough.
  final class Below: StopRule {
    let reason = "below"
    let wins: Bool
    private let threshold: Double

    init(_ threshold: Double, wins: Bool = false) {
      self.threshold = threshold
      self.wins = wins
    }

    func stops(_ observation: Observation) -> Tensor { observation.energies .< threshold }
  }

  private func minimizer(
    steps: Int, guarded: Bool = true, window: Int = 1, stopping rules: [any StopRule] = []
  ) -> Minimizer {
    Minimizer(
      rule: GradientDescent(), schedule: .constant(1), maximumSteps: steps,
      halvesStepWhenEnergyRises: guarded, window: window, stopRules: rules)
  }

  private let start = Tensor([1.0, 1.0, 4.0, -2.0], shape: [2, 2])

  @Test func fullStepsFollowTheContractionsFormula() {
    // z_k = z* + M^k (z_0 - z*), and the residual shrinks by M with each step.
    let energy = Affine([0.5, 0, 0, -0.25], offset: [1, 2.5])
    let descent = minimizer(steps: 6).minimize(energy, alongResidualsFrom: [start])
    for (item, first) in [[1.0, 1.0], [4.0, -2.0]].enumerated() {
      for (step, found) in descent.traces[item].enumerated() {
        var (a, b) = (first[0] - 2, first[1] - 2)
        for _ in 0..<step { (a, b) = (0.5 * a, -0.25 * b) }
        let expected = 0.5 * (0.25 * a * a + 1.5625 * b * b)
        #expect(abs(found - expected) < 1e-12)
      }
    }
    #expect(descent.steps == [6, 6] && descent.evaluations == [7, 7])
    #expect(descent.gradients == [0, 0], "no derivative is taken")
    #expect(energy.predictionCount == 14)
  }

  @Test func aFixedPointIsWhereAFullStepLandsWhenThePredictionIsConstant() {
    let descent = minimizer(steps: 9, stopping: [Below(1e-20)])
      .minimize(Affine([0, 0, 0, 0], offset: [3, -1]), alongResidualsFrom: [start])
    #expect(descent.steps == [1, 1] && descent.reasons == ["below", "below"])
    #expect(descent.values[0].array(of: Double.self) == [3, -1, 3, -1])
  }

  @Test func aRotationIsFollowedByTheGradientWhereItsResidualLeadsAway() {
    // F turns by 90 degrees and doubles. A step of length a multiplies the energy by (1 - a)^2 + 4 a^2,
    // which is below 1 only for a < 0.4: neither a full step nor half of one leads down.
    let energy = Affine([0, -2, 2, 0])
    let plain = minimizer(steps: 8, guarded: false).minimize(energy, alongResidualsFrom: [start])
    #expect(plain.energies[0] > plain.traces[0][0] * 1000, "without the guard it diverges")

    let guarded = minimizer(steps: 200, stopping: [Below(1e-10)])
      .minimize(energy, alongResidualsFrom: [start])
    #expect(guarded.reasons == ["below", "below"])
    for trace in guarded.traces {
      for (earlier, later) in zip(trace, trace.dropFirst()) { #expect(later <= earlier) }
    }
    #expect(guarded.gradients.allSatisfy { $0 > 0 })
    // Each gradient needs an evaluation of its own, besides the one for every step and the last.
    for item in 0..<2 {
      #expect(
        guarded.evaluations[item] == guarded.steps[item] + 1 + guarded.gradients[item])
    }
    #expect(guarded.values[0].abs().max().item() < 1e-4)
  }

  @Test func halvingOnceIsEnoughWhereTheStepWasTooLong() {
    // F(z) = -2.5 z: a full step multiplies by -2.5, half of one by -0.75.
    let descent = minimizer(steps: 300, stopping: [Below(1e-12)])
      .minimize(Affine([-2.5, 0, 0, -2.5]), alongResidualsFrom: [start])
    #expect(descent.reasons == ["below", "below"])
    #expect(descent.gradients == [0, 0], "the second try never fails")
  }

  @Test func aWindowLetsAnEnergyRiseForAWhile() {
    // A Jordan block: of r = (-8, 1) the energies are 32.5, 0.125, 2.03, 2.01, 1.13, …
    let energy = Affine([0.5, 4, 0, 0.5])
    let start = Tensor([0.0, 2.0], shape: [1, 2])
    let strict = minimizer(steps: 60, stopping: [Below(1e-8)])
      .minimize(energy, alongResidualsFrom: [start])
    let lenient = minimizer(steps: 60, window: 4, stopping: [Below(1e-8)])
      .minimize(energy, alongResidualsFrom: [start])
    #expect(lenient.reasons == ["below"] && lenient.gradients == [0])
    #expect(lenient.traces[0][2] > lenient.traces[0][1])
    #expect(strict.gradients[0] > 0 && strict.steps[0] > lenient.steps[0])
  }

  @Test func itemsGoAsIfAlone() {
    let energy = Affine([0, -2, 2, 0], offset: [1, 0])
    let together = minimizer(steps: 40, stopping: [Below(1e-3)])
      .minimize(energy, alongResidualsFrom: [start])
    for item in 0..<2 {
      let alone = minimizer(steps: 40, stopping: [Below(1e-3)])
        .minimize(energy, alongResidualsFrom: [start.slice(item..<item + 1)])
      #expect(alone.traces[0] == together.traces[item])
      #expect(alone.steps[0] == together.steps[item])
      #expect(alone.gradients[0] == together.gradients[item])
    }
  }

  // MARK: Races

  @Test func theFirstToWinEndsItsRaceAndNoOther() {
    // Four starts at different distances: two races of two.
    let starts = Tensor([1.0, 0, 64, 0, 1024, 0, 16, 0], shape: [4, 2])
    let energy = Affine([0.5, 0, 0, 0.5])
    let descent = minimizer(steps: 40, stopping: [Below(1e-6, wins: true)])
      .minimize(energy, alongResidualsFrom: [starts], races: [0, 0, 1, 1])
    #expect(descent.reasons == ["below", "lost", "lost", "below"])
    #expect(descent.steps[1] == descent.steps[0] && descent.steps[2] == descent.steps[3])
    #expect(descent.steps[0] < descent.steps[3])
    // What lost is left where it was.
    #expect(descent.energies[1] > 1e-6)

    let apart = minimizer(steps: 40, stopping: [Below(1e-6)])
      .minimize(energy, alongResidualsFrom: [starts], races: [0, 0, 1, 1])
    #expect(
      apart.reasons == ["below", "below", "below", "below"], "a rule that does not win ends one")
  }

  // MARK: Nothing is paid before the rules were asked

  @Test func theGradientOfAPointIsNotTakenWhereItemsStop() {
    struct Bowl: Energy {
      func energies(of variables: [Tensor], items: Tensor) -> Tensor {
        variables[0].squared().sum(1) * 0.5
      }
    }
    let descent = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.5), maximumSteps: 30,
      stopRules: [Below(1e-3)]
    ).minimize(Bowl(), from: [start])
    #expect(descent.gradients == descent.steps)
    #expect(descent.evaluations == descent.steps.map { $0 + 1 })
    // A step that is taken back needs none.
    let halved = Minimizer(
      rule: GradientDescent(), schedule: .constant(3), maximumSteps: 30,
      halvesStepWhenEnergyRises: true, stopRules: [Below(1e-3)]
    ).minimize(Bowl(), from: [start])
    #expect(halved.reasons == ["below", "below"])
    #expect(halved.gradients.allSatisfy { $0 > 0 } && halved.gradients[0] == halved.steps[0] - 1)
  }

  @Test func rulesSeeWhereAFullStepWouldLead() {
    final class Sees: StopRule {
      let reason = "seen"
      var predictions: [[Double]] = []
      func stops(_ observation: Observation) -> Tensor {
        predictions.append(observation.predictions[0].array(of: Double.self))
        return Tensor.zeros([observation.items.size(0)], dtype: .bool)
      }
    }
    let sees = Sees()
    let descent = minimizer(steps: 2, stopping: [sees])
      .minimize(
        Affine([0.5, 0, 0, 0.5]), alongResidualsFrom: [Tensor([8.0, 4.0], shape: [1, 2])])
    #expect(sees.predictions == [[4, 2], [2, 1], [1, 0.5]])
    #expect(descent.values[0].array(of: Double.self) == [2, 1])
  }

  @Test func wrongUseTraps() async {
    final class Wrong: ResidualEnergy {
      func predictions(of variables: [Tensor], items: Tensor) -> [Tensor] {
        [variables[0].sum(1)]
      }
    }
    await #expect(processExitsWith: .failure) {
      _ = Minimizer(rule: GradientDescent(), schedule: .constant(1), maximumSteps: 1)
        .minimize(Wrong(), alongResidualsFrom: [Tensor.zeros([2, 2])])
    }
    await #expect(processExitsWith: .failure) {
      _ = Minimizer(rule: GradientDescent(), schedule: .constant(1), maximumSteps: 1)
        .minimize(Wrong(), from: [Tensor.zeros([2, 2])], races: [1])
    }
  }
}

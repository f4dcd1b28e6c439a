import EnergyDescent
import Files
import Foundation
import TestSupport
import Testing
import Torch

@testable import TextPlanner

/// Planning along residuals, with a model that was trained for it.
@Suite struct ResidualPlannerTests {
  let model: PlannerModel

  init() throws {
    model = try PlannerModel.load(from: TinyPlanner.trainedAlongResiduals.get().path)
  }

  private func plans(
    _ prompts: [String] = TinyPlanner.examples.map(\.prompt),
    _ change: (inout PlanningOptions) -> Void = { _ in }
  ) throws -> [Plan] {
    var options = PlanningOptions()
    change(&options)
    return try Planner(model, options: options).plan(prompts)
  }

  @Test func theModelKnowsWhatItWasTrainedFor() throws {
    #expect(model.step == .residual)
    #expect(try PlannerModel.load(from: TinyPlanner.trained.get().path).step == .gradient)
  }

  @Test func wordsAreWrittenBackwardsWithoutADerivative() throws {
    let plans = try plans()
    let right = zip(plans, TinyPlanner.examples).map { $0.answer == $1.answer }
    #expect(right.count { $0 } >= 76, "of 84")
    for (plan, isRight) in zip(plans, right) where isRight && plan.isVerified {
      // An answer that the first prediction decodes to takes no step at all.
      #expect(plan.decodings == plan.evaluations - plan.gradients)
      #expect(plan.evaluations >= plan.steps + plan.starts)
    }
    let easy = plans.filter { $0.steps == 0 }
    #expect(easy.count > 20, "many take no step")
    #expect(easy.allSatisfy { $0.evaluations == 1 && $0.gradients == 0 && $0.verifications == 1 })
    let costs = try #require(easy.first.map { model.operationCosts(ofPrompt: $0.prompt) })
    #expect(
      easy[0].operations
        == costs.prompt + costs.evaluation + costs.decoding + costs.verification)
  }

  /// Whoever answers with more steps must not lose what fewer answered.
  @Test func moreStepsLoseNothing() throws {
    func right(_ steps: Int) throws -> Int {
      zip(try plans { ($0.steps, $0.starts) = (steps, 1) }, TinyPlanner.examples)
        .count { $0.answer == $1.answer }
    }
    let some = try right(8)
    #expect(try right(64) >= some - 1)
    #expect(try right(256) >= some - 1)
  }

  @Test func aRaceEndsWithTheFirstThatIsVerified() throws {
    let raced = try plans { ($0.starts, $0.races) = (4, true) }
    #expect(raced.allSatisfy { $0.starts == 4 })
    let apart = try plans { $0.starts = 1 }
    // The fastest of four is no slower than the first of them.
    for (race, alone) in zip(raced, apart) where alone.isVerified {
      #expect(race.isVerified && race.reason == "verified")
      #expect(race.steps <= 4 * alone.steps)
    }
    #expect(try plans { ($0.starts, $0.races) = (4, true) } == raced)
    let few = try plans(Array(TinyPlanner.examples.prefix(5).map(\.prompt))) {
      ($0.starts, $0.races) = (4, true)
    }
    #expect(few.map(\.answer) == raced.prefix(5).map(\.answer), "neighbours do not matter")
  }

  @Test func theGradientOfTheSameEnergyCanBeFollowedToo() throws {
    let plans = try plans { $0.step = .gradient }
    #expect(plans.contains { $0.gradients > 0 })
    #expect(zip(plans, TinyPlanner.examples).count { $0.answer == $1.answer } > 40)
  }

  @Test func onlyAnswersThatLatentsAreNearAreRead() throws {
    // Along the gradient and by small steps, so that several answers come by.
    func set(_ options: inout PlanningOptions) {
      (options.verifies, options.starts, options.steps) = (false, 1, 8)
      (options.step, options.stepSize) = (.gradient, 0.2)
    }
    let all = try plans { set(&$0) }
    let near = try plans { options in
      set(&options)
      options.roundingSlack = 1e-6
    }
    #expect(all.reduce(0) { $0 + $1.verifications } > near.reduce(0) { $0 + $1.verifications })
    #expect(near.allSatisfy { $0.verifications >= 1 }, "what is returned was read")
    for plan in near {
      let energy = try model.energies(ofPrompts: [plan.prompt], answers: [plan.answer])[0]
      #expect(abs(energy - plan.energy) < 1e-3 * max(1, energy))
    }
  }

  @Test func aNewStartCanGoOnFromWhatCameNearest() throws {
    model.threshold = -1
    let prompts = ["abc", "dca"]
    func energies(noise: Double) throws -> [Double] {
      let traces = try plans(prompts) {
        ($0.steps, $0.starts, $0.restartNoise, $0.recordsTrace) = (6, 2, noise, true)
      }.map { $0.trace! }
      return traces.map { trace in trace.first { $0.start == 2 }!.energy }
    }
    #expect(zip(try energies(noise: 0.1), try energies(noise: 1)).allSatisfy { $0 < $1 })
  }

  // MARK: Training

  /// Two processes with five and four items, of which two and one take three steps each: the mean of their errors is that of
  /// all twelve landings and nine items of one process.
  @Test func landingsOfSeveralProcessesCountAlike() throws {
    let file = try TinyPlanner.file()
    let dataset = try TextDataset(contentsOf: file.path)
    let configuration = try TinyPlanner.configuration(["objective.step=residual"])
      .resolved(for: dataset)
    let answerLength = try #require(configuration.answerLength)
    let generator = RandomGenerator(seed: 1)
    let (items, underWay) = ([5, 4], [2, 1])
    func errors(_ group: ProcessGroup?) throws -> [Double] {
      let model = PlannerModel(
        configuration.model,
        limits: TextLimits(
          promptLength: try #require(configuration.promptLength), answerLength: answerLength),
        step: .residual, using: RandomGenerator(seed: 1))
      let pairs = TrainingPairs(
        dataset, vocabulary: model.vocabulary, answerLength: answerLength, heldOutShare: 0.05,
        seed: 0)
      var objective = PlannerObjective(
        model, pairs: pairs, configuration: configuration.objective, memory: nil,
        using: RandomGenerator(seed: 2))
      if let group {
        objective.shares = RowShares(items, on: group)
        objective.rolloutShares = RowShares(underWay, on: group)
      }
      // Rank by rank, those under way last, as each process has them; of one process those of both.
      let ranks = group.map { [$0.rank] } ?? [0, 1]
      func part(_ all: Tensor, _ counts: [Int]) -> Tensor {
        Tensor.concatenate(
          ranks.map { rank in
            let first = counts[..<rank].reduce(0, +)
            return all.slice(first..<first + counts[rank])
          })
      }
      let fresh = zip(items, underWay).map { $0 - $1 }
      func ofItems(_ all: Tensor) -> Tensor {
        Tensor.concatenate([
          part(all.slice(0..<6), fresh), part(all.slice(6..<9), underWay),
        ])
      }
      let landed = [ofItems(first)] + later.map { part($0, underWay) }
      let found = withoutGradient {
        objective.distances(landed, truth: ofItems(truth), answers: ofItems(answers))
      }
      let numbers = Tensor.stack([found.regression, found.reconstruction])
      group?.average([numbers])
      return numbers.to(.float64).array()
    }
    let shape = [9, answerLength, configuration.model.latentWidth]
    let truth = Tensor.normal(shape, using: generator)
    let first = Tensor.normal(shape, using: generator)
    let later = (0..<2).map { step in
      Tensor.normal([3] + shape.dropFirst(), using: generator) * Double(step + 2)
    }
    let answers = Tensor.zeros([9, answerLength], dtype: .int64)
    let whole = try errors(nil)
    for part in try asProcesses(2, errors) {
      #expect(zip(part, whole).allSatisfy { abs($0 - $1) < 1e-5 * $1 }, "\(part) \(whole)")
    }
  }

  /// The directions that descents go on with are how far a few full steps lead.
  @Test func trainingUnrollsTheStepsOfPlanning() throws {
    let pairs = try TrainingPairsTests.pairs(TinyPlanner.examples)
    let model = PlannerModelTests.model(
      .float32, limits: TextLimits(promptLength: 4, answerLength: 4))
    var configuration = ObjectiveConfiguration()
    (configuration.step, configuration.unroll) = (.residual, 3)
    let objective = PlannerObjective(
      model, pairs: pairs, configuration: configuration, memory: nil,
      using: RandomGenerator(seed: 1))
    var draws = SeededGenerator(seed: 1)
    let latents = Tensor.normal(model.latentShape(4), using: RandomGenerator(seed: 2))
    let items = Array(pairs.trained.prefix(16))
    let step = objective(
      fresh: Array(items.prefix(12)), rollouts: Array(items.suffix(4)), latents: latents, step: 1,
      draws: &draws)
    let conditioning = model.conditioning(
      model.encode(pairs.batch(Array(items.suffix(4)), device: .cpu).prompts))
    let landed = (0..<3).reduce(latents) { z, _ in model.prediction(z, conditioning) }
    #expect((latents - step.directions - landed).abs().max().item() < 1e-4)
    step.loss.backward()
    for (name, tensor) in model.parameters
    where !name.hasPrefix("autoencoder") && !name.contains("answer_positions")
      && name != "prompt.entry"
    {
      let gradient = try #require(tensor.gradient, "\(name)")
      #expect(gradient.abs().max().item() > 0, "\(name)")
    }
  }
}

import EnergyDescent
import Files
import TestSupport
import Testing
import Torch

@testable import TextPlanner

/// A planned batch and a step of a planner's training on libtorch's meta device, where every number that is read back
/// is an error.
///
/// A descent itself reads the energies of each update, for items stop one by one; everything between two of these
/// readings is here.
@Suite struct PlannerMetaTests {
  private static func copies(_ body: () throws -> Void) rethrows -> (toDevice: Int, toHost: Int) {
    let before = Session.copyCounts
    try body()
    let after = Session.copyCounts
    return (after.toDevice - before.toDevice, after.toHost - before.toHost)
  }

  private func model(_ step: PlannerDirection) throws -> PlannerModel {
    let configuration = try TinyPlanner.configuration()
    let model = PlannerModel(
      configuration.model, limits: TextLimits(promptLength: 8, answerLength: 8), step: step,
      using: RandomGenerator(seed: 1))
    model.move(to: .meta)
    return model
  }

  /// One update of a planned batch: the energy, its slope, the step, what the latents decode to and how that is read again.
  @Test(arguments: [PlannerDirection.gradient, .residual])
  func anUpdateOfAPlannedBatchStaysOnTheDevice(step: PlannerDirection) throws {
    let model = try model(step)
    // Of different lengths, so that there is a mask, too.
    let texts: [ArraySlice<Int32>] = [[1, 2, 3], [1], [2, 2]]
    let prompts = SymbolBatch(texts, padding: 0, device: .meta)
    let start = Tensor.normal(model.latentShape(3), using: RandomGenerator(seed: 2))
      .to(device: .meta)
    let items = Tensor([Int64](0..<3)).to(device: .meta)
    let copies = Self.copies {
      let conditioning = withoutGradient { model.conditioning(model.encode(prompts)) }
      let energy = PlannerEnergy(model: model, conditioning: conditioning)
      let z = start.requiringGradient()
      let direction: Tensor
      switch step {
      case .gradient:
        direction = gradients(
          of: [energy.energies(of: [z], items: items).sum()], withRespectTo: [z])[0]!
      case .residual:
        direction = withoutGradient { z - model.prediction(z, conditioning) }
      }
      withoutGradient {
        let moved = z - direction * step.stepSize
        let symbols = model.autoencoder.decode(moved)
        let again = model.energies(ofAnswers: symbols, conditioning)
        #expect(again.device == .meta && again.shape == [3])
      }
    }
    #expect(copies == (0, 0))
  }

  /// Prompts, answers and what is drawn go to the device; nothing comes back.
  @Test(arguments: [PlannerDirection.gradient, .residual])
  func aStepOfTrainingReadsNothingBack(step: PlannerDirection) throws {
    let file = try TinyPlanner.file()
    let dataset = try TextDataset(contentsOf: file.path)
    for family in ["sigreg", "vicreg", "hinge", "none"] {
      let configuration = try TinyPlanner.configuration([
        "objective.family=\(family)", "objective.everySteps=1", "objective.step=\(step.rawValue)",
      ]).resolved(for: dataset)
      let model = try model(step)
      let pairs = TrainingPairs(
        dataset, vocabulary: model.vocabulary, answerLength: 8, heldOutShare: 0.05, seed: 0)
      let objective = PlannerObjective(
        model, pairs: pairs, configuration: configuration.objective, memory: nil,
        using: RandomGenerator(seed: 3))
      let descent = WeightDescent(
        [("prompt", model.promptEncoder), ("predictor", model.predictor)],
        configuration.optimizer)
      var draws = SeededGenerator(seed: 4)
      let latents = Tensor.zeros(model.latentShape(2), device: .meta)
      let copies = Self.copies {
        let step = objective(
          fresh: Array(pairs.trained[..<4]), rollouts: Array(pairs.trained[4..<6]),
          latents: latents, step: 0, draws: &draws)
        step.loss.backward()
        descent.step(stepSize: 1e-3)
        #expect(step.loss.device == .meta)
      }
      #expect(copies.toDevice <= 16, "\(family): \(copies.toDevice)")
      #expect(copies.toHost == 0, "\(family)")
    }
  }
}

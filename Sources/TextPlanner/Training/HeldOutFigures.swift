import EnergyDescent
import Files
import Torch
import TrainingRuns

/// What is measured on held-out pairs while a planner trains.
struct HeldOutFigures {
  /// AUROC of the energy of an answer with one mistake over that of the true one: the energy knows a valid
  /// answer.
  let validAnswer: Double
  /// The same for another prompt's answer: the energy knows what fits the prompt. It is learned later.
  let fitsPrompt: Double
  /// The part of the answers that a single step from noise gets right.
  let oneStep: Double
  /// The same of eight steps of planning.
  let eightSteps: Double

  var metrics: [Metric] {
    [
      Metric("validAnswer", validAnswer), Metric("fitsPrompt", fitsPrompt),
      Metric("oneStep", oneStep), Metric("eightSteps", eightSteps),
    ]
  }

  /// Measured on at most `count` held-out pairs, drawn by `generator`.
  init(
    of objective: PlannerObjective, count: Int = 128, using generator: RandomGenerator,
    draws: inout SeededGenerator
  ) {
    let (model, pairs) = (objective.model, objective.pairs)
    let order: [Int64] = Tensor.permutation(pairs.heldOut.count, using: generator).array()
    let items = order.prefix(count).map { pairs.heldOut[Int($0)] }
    let batch = pairs.batch(items, device: model.device)
    let others = pairs.others(than: items, draws: &draws)
    (validAnswer, fitsPrompt, oneStep, eightSteps) = model.inferring {
      let conditioning = model.conditioning(model.encode(batch.prompts))
      let energies = model.energies(ofAnswers: batch.answers, conditioning)
      let mistaken = model.energies(
        ofAnswers: objective.corruption.nearMisses(batch.answers), conditioning)
      let strangers = others.enumerated().filter { $0.element != nil }
      let rows = Tensor(strangers.map { Int64($0.offset) }).to(device: model.device)
      let shuffled =
        strangers.isEmpty
        ? nil
        : model.energies(
          ofAnswers: pairs.answers(strangers.map { $0.element! }, device: model.device),
          conditioning.select(items: rows))
      let start = Tensor.normal(model.latentShape(items.count), using: generator)
        .to(device: model.device)
      func right(after steps: Int, ofSize stepSize: Double) -> Double {
        let descended = Minimizer(
          rule: GradientDescent(), schedule: .constant(stepSize), maximumSteps: steps
        ).minimize(
          PlannerEnergy(model: model, conditioning: conditioning), from: start, along: model.step)
        let decoded = model.autoencoder.decode(descended.values[0])
        return (decoded .== batch.answers).all(1).to(.float32).mean().item()
      }
      return (
        Self.auroc(mistaken, over: energies),
        shuffled.map { Self.auroc($0, over: energies) } ?? 0.5,
        right(after: 1, ofSize: 1), right(after: 8, ofSize: model.step.stepSize)
      )
    }
  }

  /// The probability that one of `high` is above one of `low`; a tie counts one half.
  static func auroc(_ high: Tensor, over low: Tensor) -> Double {
    let difference = high.unsqueezed(1) - low.unsqueezed(0)
    return (difference.sign() * 0.5 + 0.5).mean().item()
  }
}

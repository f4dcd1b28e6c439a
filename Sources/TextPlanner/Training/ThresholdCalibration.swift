import EnergyDescent
import Torch

/// Finds the energy under which an answer is accepted, on held-out prompts.
///
/// Two bounds, of which the lower holds: 99 % of true answers are below it; and of the answers that the model's
/// own descents lead to, those below it are nearly all right. The first alone lets through what the model
/// gets wrong and believes.
struct ThresholdCalibration {
  /// The part of true answers that are accepted at most.
  private static let acceptedShare = 0.99
  /// The part of the model's own answers below the threshold that must be right.
  private static let rightShare = 0.98
  private static let batchSize = 256

  let model: PlannerModel
  let pairs: TrainingPairs
  /// What the descents start from.
  let seed: UInt64

  func threshold() -> Double {
    model.inferring {
      let cap = Self.bound(onTruths: truths())
      return min(cap, Self.bound(onOwn: own()) ?? cap)
    }
  }

  /// The energy that `acceptedShare` of true answers are not above.
  static func bound(onTruths energies: [Double]) -> Double {
    let sorted = energies.sorted()
    return sorted[min(sorted.count - 1, Int((acceptedShare * Double(sorted.count)).rounded(.up)))]
  }

  /// The greatest energy below which at least `rightShare` of the answers are right; 0 where there is none,
  /// nil where all answers together are right often enough.
  static func bound(onOwn answers: [(energy: Double, isRight: Bool)]) -> Double? {
    let sorted = answers.sorted { $0.energy < $1.energy }
    var bound = 0.0
    var right = 0.0
    for (index, answer) in sorted.enumerated() {
      right += answer.isRight ? 1 : 0
      guard right >= rightShare * Double(index + 1) else { continue }
      if index == sorted.count - 1 { return nil }
      // Answers are accepted below the bound, so it lies above this one.
      if answer.isRight { bound = answer.energy.nextUp }
    }
    return bound
  }

  /// The energies of true answers.
  private func truths() -> [Double] {
    let items = Array(pairs.heldOut.prefix(8 * Self.batchSize))
    return stride(from: 0, to: items.count, by: Self.batchSize).flatMap { start in
      let batch = pairs.batch(
        Array(items[start..<min(start + Self.batchSize, items.count)]), device: model.device)
      return model.energies(
        ofAnswers: batch.answers, model.conditioning(model.encode(batch.prompts))
      ).to(.float64, device: .cpu).array(of: Double.self)
    }
  }

  /// What short descents decode to.
  private func own() -> [(energy: Double, isRight: Bool)] {
    let items = Array(pairs.heldOut.prefix(Self.batchSize))
    let batch = pairs.batch(items, device: model.device)
    let conditioning = model.conditioning(model.encode(batch.prompts))
    let noise = Tensor.normal(
      model.latentShape(items.count), using: RandomGenerator(seed: seed))
    let symbols = model.decoded(after: 8, from: noise.to(device: model.device), conditioning)
    let energies = model.energies(ofAnswers: symbols, conditioning)
      .to(.float64, device: .cpu).array(of: Double.self)
    let isRight = zip(model.answers(of: symbols), items).map { pairs.isRight($0, for: $1) }
    return zip(energies, isRight).map { (energy: $0, isRight: $1) }
  }
}

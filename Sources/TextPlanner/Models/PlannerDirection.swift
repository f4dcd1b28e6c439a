import EnergyDescent
import Torch

/// What the latents of an answer are moved along.
public enum PlannerDirection: String, Codable, Sendable, CaseIterable {
  /// The gradient of the energy, (I - J)^T r.
  case gradient
  /// What is left between the latents and their prediction, r = z - D(s_x, z): half of the operations.
  case residual

  /// How far a step of planning goes.
  public var stepSize: Double {
    switch self {
    case .gradient: 0.5
    case .residual: 1
    }
  }

  /// A step is halved where the energy is above the greatest of so many before; nil for never. What is
  /// predicted from a guess may fit worse before it fits: half a step there loses puzzles
  /// (docs/decisions/0066-residual-steps.md).
  public var window: Int? {
    switch self {
    case .gradient: 1
    case .residual: nil
    }
  }

  /// Plain descents: full steps, halved where the energy rises if that suits.
  ///
  /// - Parameters:
  ///   - steps: at most.
  ///   - stepSize: nil for what suits.
  ///   - window: as `window`; nil for what suits.
  func minimizer(
    steps: Int, stepSize: Double? = nil, window: Int? = nil, recordsWaypoints: Bool = false,
    stopRules: @escaping @autoclosure () -> [any StopRule] = []
  ) -> Minimizer {
    let window = window ?? self.window
    return Minimizer(
      rule: GradientDescent(), schedule: .constant(stepSize ?? self.stepSize), maximumSteps: steps,
      halvesStepWhenEnergyRises: window != nil, window: window ?? 1,
      recordsWaypoints: recordsWaypoints, stopRules: stopRules())
  }
}

extension PlannerEnergy: ResidualEnergy {
  func predictions(of variables: [Tensor], items: Tensor) -> [Tensor] {
    [model.prediction(variables[0], conditioning.select(items: items))]
  }
}

extension PlannerModel {
  /// What latents `[B, A, Z]` decode to after so many steps of plain planning, int64 `[B, A]`.
  func decoded(after steps: Int, from latents: Tensor, _ conditioning: Conditioning) -> Tensor {
    let descent = step.minimizer(steps: steps).minimize(
      PlannerEnergy(model: self, conditioning: conditioning), from: latents, along: step)
    return autoencoder.decode(descent.values[0])
  }
}

extension Minimizer {
  /// Descends from latents `[B, A, Z]`.
  func minimize(
    _ energy: PlannerEnergy, from latents: Tensor, along step: PlannerDirection, races: [Int] = []
  ) -> Descent {
    switch step {
    case .gradient: minimize(energy, from: [latents], races: races)
    case .residual: minimize(energy, alongResidualsFrom: [latents], races: races)
    }
  }
}

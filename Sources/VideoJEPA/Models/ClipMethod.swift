import EnergyDescent
import Foundation
import Learning
import Torch
import TrainingRuns

/// The objective of training on clips.
public struct ClipMethodConfiguration: RunConfiguration {
  /// The weight of SIGReg beside the prediction error.
  public var regularizerWeight = 0.1
  /// Directions that SIGReg tests, drawn anew in every step.
  public var directions = 128
  /// Tokens of a batch that SIGReg tests.
  public var regularizedTokens = 512

  public init() {}

  /// - Throws: `RunError.invalidValue`.
  func validate() throws {
    let check = SettingCheck(in: "method")
    try check(
      regularizerWeight >= 0 && regularizerWeight.isFinite, "regularizerWeight",
      "0 or more, found \(regularizerWeight)")
    try check(
      (1...65_536).contains(directions), "directions", "1 to 65536, found \(directions)")
    try check(
      (2...1_048_576).contains(regularizedTokens), "regularizedTokens",
      "2 to 1048576, found \(regularizedTokens)")
  }
}

/// The energy that training on clips makes smaller: how badly frames are predicted from their neighbours.
///
///     L = mean over modes of |predictor(z of the context) - z(t)|^2 / D + w SIGReg(z)
///
/// Gradients flow through both sides; SIGReg keeps tokens from becoming all alike. It cannot keep them from
/// becoming alike in time, for tokens that never change within a clip are as Gaussian over many clips: that
/// is what the error of copying is watched for (`SlowFeatureMonitor`).
struct ClipMethod {
  let model: ClipModel
  let configuration: ClipMethodConfiguration
  private let sigreg = SIGReg()

  init(_ model: ClipModel, configuration: ClipMethodConfiguration) {
    self.model = model
    self.configuration = configuration
  }

  /// One batch's energy, and the error of copying, which is no part of it.
  struct Step {
    let energy: StepEnergy
    /// The mean squared difference of neighbouring frames' tokens, a scalar without a graph; of several processes each has
    /// its own, and their mean is that of all clips.
    let copyError: Tensor
  }

  /// - Parameters:
  ///   - clips: `[B, T, 3, S, S]`, normalised.
  ///   - share: which part of all processes' clips these are; by default all.
  ///   - generator: makes the step's random draws, the same in all processes.
  ///   - precision: what products are computed in; nil for float32.
  func energy(
    of clips: Tensor, share: ItemShare? = nil, using generator: RandomGenerator,
    precision: DType?
  ) -> Step {
    let share = share ?? ItemShare(of: clips.size(0))
    let maps = model.encoder.maps(of: clips, precision: precision)
    let predictions = PredictionMode.allCases.compactMap {
      ClipPredictions($0, of: maps, by: model.predictor, precision: precision)
    }
    let errors = predictions.map {
      (name: $0.mode.rawValue, value: share.rows().mean(of: $0.energies))
    }
    let prediction =
      errors.dropFirst().reduce(errors[0].value) { $0 + $1.value }
      / Double(errors.count)

    let tokens = maps.permuted(0, 1, 3, 4, 2).reshaped(-1, maps.size(2))
    let each = maps.size(1) * maps.size(3) * maps.size(4)
    let wanted = min(configuration.regularizedTokens, share.total * each)
    let sample = share.sample(wanted, of: tokens, each: each, using: generator)
    let penalty = sigreg(
      sample.rows,
      directions: SIGReg.directions(
        configuration.directions, width: tokens.size(1), using: generator, device: tokens.device),
      shares: sample.shares)
    let watched = min(64, wanted) / share.worldSize

    let copyError = withoutGradient {
      share.rows().mean(
        of: (maps.slice(1..<maps.size(1), along: 1) - maps.slice(0..<maps.size(1) - 1, along: 1))
          .detached().squared())
    }
    let energy = StepEnergy(
      total: prediction + penalty * configuration.regularizerWeight,
      terms: errors.map { ($0.name, $0.value.detached()) } + [("sigreg", penalty.detached())],
      embeddings: sample.rows.detached().slice(0..<min(watched, sample.rows.size(0))),
      collapseShares: [penalty.detached() / SIGReg.collapsed(count: wanted)],
      embeddingShares: sample.shares.map { shares in
        RowShares(shares.counts.map { min(watched, $0) }, on: shares.group)
      })
    return Step(energy: energy, copyError: copyError)
  }
}

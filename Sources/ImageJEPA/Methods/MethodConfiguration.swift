import EnergyDescent
import TrainingRuns

/// How a model learns from pictures without labels.
public enum MethodName: String, Codable, Sendable, CaseIterable {
  /// All views of a picture agree, and hidden tokens are predicted: the default.
  case views
  /// Hidden blocks are predicted in the embeddings of the encoder itself; no teacher.
  case masks
  /// Hidden blocks are predicted in the embeddings of a slow teacher (Assran et al. 2023).
  case ijepa
  /// All views of a picture agree; nothing is predicted (Balestriero and LeCun 2025).
  case lejepa
}

/// What keeps embeddings from collapsing.
public enum RegularizerName: String, Codable, Sendable, CaseIterable {
  case sigreg
  case vicreg
  case infonce

  /// lambda where none is given: SIGReg's 0.41 * lambda * batch size should be at least 1.5 or collapse pays;
  /// the others then weigh as much as the prediction.
  var defaultWeight: Double { self == .sigreg ? 0.06 : 0.5 }
}

/// The method and its weights.
public struct MethodConfiguration: RunConfiguration {
  public var name = MethodName.views
  /// By default InfoNCE for `views` and SIGReg for the others; `ijepa` has a teacher instead and ignores it.
  public var regularizer: RegularizerName? = nil
  /// `views`: the regularizer of the tokens. By default the same, except that SIGReg goes with InfoNCE:
  /// where tokens repel each other the energy says nothing.
  public var tokenRegularizer: RegularizerName? = nil
  /// lambda: the regularizer's share of the loss, 0 to below 1; by default 0.06 for SIGReg, 0.5 for VICReg
  /// and InfoNCE. A `tokenRegularizer` of another kind keeps its own default.
  public var regularizerWeight: Double? = nil
  /// Weight of the token energy beside the invariance, 0 or more.
  public var tokenWeight = 0.5
  /// `views`: the share of a batch whose masked view is encoded and whose tokens are predicted, 0…1; at
  /// least one picture's.
  public var tokenShare = 0.25
  /// `views`: whether a view's embedding is predicted by a network that is told the corruption, rather than
  /// drawn to the mean of all views.
  public var conditioned = false
  /// Directions that SIGReg tests, drawn anew in every step.
  public var directions = 256
  /// Tokens of a batch that the regularizer tests.
  public var regularizedTokens = 256
  /// The temperature of InfoNCE.
  public var temperature = 0.1

  /// Widths of the projector's layers.
  public var projector = [256, 256, 64]
  /// Widths of the token projector's layers.
  public var tokenProjector = [256, 64]
  /// Width, depth and heads of the token predictor.
  public var predictorWidth = 64
  public var predictorDepth = 2
  public var predictorHeads = 4

  /// Blocks to hide and to predict: `masks` and `ijepa`.
  public var blocks = MultiBlockMask(minimumKept: 1)
  /// Whether all target blocks of a picture are predicted in one pass, rather than each by itself.
  public var predictsBlocksTogether = true
  /// `ijepa`: the teacher's momentum, from its first value to its last.
  public var momentum = Schedule(peak: 0.996, end: 1, shape: .linear)

  public init() {}

  /// The regularizer of pictures' embeddings and, for `masks`, of tokens.
  var regularizerName: RegularizerName { regularizer ?? (name == .views ? .infonce : .sigreg) }

  /// The regularizer of the tokens of `views`.
  var tokenRegularizerName: RegularizerName {
    tokenRegularizer ?? (regularizerName == .infonce ? .sigreg : regularizerName)
  }

  /// lambda of a regularizer of this kind.
  func weight(of kind: RegularizerName) -> Double {
    (kind == regularizerName ? regularizerWeight : nil) ?? kind.defaultWeight
  }

  /// - Throws: `RunError.invalidValue` for a weight or a size that makes no sense.
  public func validate() throws {
    let check = SettingCheck(in: "method")
    try check(
      (0..<1).contains(regularizerWeight ?? 0), "regularizerWeight",
      "a share of the loss from 0 to below 1, found \(regularizerWeight ?? 0)")
    try check(tokenWeight >= 0, "tokenWeight", "0 or more, found \(tokenWeight)")
    try check(
      (0...1).contains(tokenShare), "tokenShare", "a share from 0 to 1, found \(tokenShare)")
    try check(
      (1...65_536).contains(directions), "directions", "1 to 65536, found \(directions)")
    try check(
      regularizedTokens >= 2, "regularizedTokens", "at least 2, found \(regularizedTokens)")
    try check(
      (1...64).contains(predictorDepth), "predictorDepth", "1 to 64, found \(predictorDepth)")
    for value in [momentum.peak, momentum.end] {
      try check((0...1).contains(value), "momentum", "0 to 1, found \(value)")
    }
    try check(momentum.warmup == 0, "momentum.warmup", "0, found \(momentum.warmup)")
    try check(temperature > 0, "temperature", "above 0, found \(temperature)")
    try check(
      !projector.isEmpty && projector.allSatisfy { (1...65_536).contains($0) }, "projector",
      "a list of widths from 1 to 65536, found \(projector)")
    try check(
      !tokenProjector.isEmpty && tokenProjector.allSatisfy { (1...65_536).contains($0) },
      "tokenProjector", "a list of widths from 1 to 65536, found \(tokenProjector)")
    try check(
      predictorHeads > 0 && (1...65_536).contains(predictorWidth)
        && predictorWidth % (4 * predictorHeads) == 0, "predictorWidth",
      "a positive multiple of 4 times predictorHeads (\(predictorHeads)), found \(predictorWidth)")
  }
}

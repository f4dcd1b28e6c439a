import TrainingRuns

/// What keeps the energy high where answers are wrong, beside the descent itself.
public enum ObjectiveFamily: String, Codable, Sendable, CaseIterable {
  /// Wrong answers are pushed up: one mistake, another prompt's answer, the model's own wrong decode.
  case contrastive
  /// The volume of low energy is bounded: noise around the truth must cost what noise costs.
  case hinge
  /// Prompt embeddings and predictions are spread out by SIGReg.
  case sigreg
  /// Prompt embeddings and predictions are spread out by VICReg's variance and covariance.
  case vicreg
  /// Nothing.
  case none
}

/// The parts of the planner's loss and their weights.
public struct ObjectiveConfiguration: RunConfiguration {
  public var family = ObjectiveFamily.contrastive
  /// What a step goes along, in training and in planning.
  public var step = PlannerDirection.residual
  /// `residual`: steps in a row that descents under way are taken, with the graph of all; 1 to 16.
  public var unroll = 3
  /// Of the cross-entropy of what the descended latents decode to, beside their squared error.
  public var reconstructionWeight = 1.0
  /// Of the family's own term; by default 0.05.
  public var familyWeight: Double? = nil
  /// Of the energy of true pairs.
  public var truthWeight = 0.0025
  /// The family's term and the energy of true pairs are computed in every so many steps.
  public var everySteps = 2
  /// And for this part of a batch.
  public var share = 0.25
  /// Up to this part of a corrupted answer's symbols are others.
  public var corruption = 0.6
  /// `hinge`: the standard deviation of the noise around the truth.
  public var hingeDeviation = 0.5
  /// `sigreg`: directions that are tested, drawn anew in every step.
  public var directions = 128

  public init() {}

  var resolvedFamilyWeight: Double { familyWeight ?? 0.05 }

  /// - Throws: `RunError.invalidValue`.
  func validate() throws {
    let check = SettingCheck(in: "objective")
    for (name, weight) in [
      ("reconstructionWeight", reconstructionWeight), ("familyWeight", resolvedFamilyWeight),
      ("truthWeight", truthWeight),
    ] {
      try check(weight >= 0 && weight.isFinite, name, "0 or more, found \(weight)")
    }
    try check((1...16).contains(unroll), "unroll", "1 to 16, found \(unroll)")
    try check(everySteps >= 1, "everySteps", "at least 1, found \(everySteps)")
    try check(share > 0 && share <= 1, "share", "above 0, at most 1, found \(share)")
    try check((0...1).contains(corruption), "corruption", "0 to 1, found \(corruption)")
    try check(
      hingeDeviation > 0 && hingeDeviation.isFinite, "hingeDeviation",
      "above 0, found \(hingeDeviation)")
    try check((1...65_536).contains(directions), "directions", "1 to 65536, found \(directions)")
  }
}

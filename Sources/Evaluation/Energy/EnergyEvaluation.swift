import Files
import Torch

/// Whether an energy rises when a picture is spoiled, and whether it takes a prediction to see that.
public enum EnergyEvaluation {
  /// How well clean and spoiled pictures are told apart; 0.5 is chance.
  public struct Figures: Equatable, Sendable, Codable {
    /// The probability that any spoiled picture's energy is above any clean one's.
    public let auroc: Double
    /// The share of pictures whose energy rises when they are spoiled.
    public let paired: Double
    /// `auroc` of the control.
    public let controlAuroc: Double
    /// `paired` of the control.
    public let controlPaired: Double

    public init(auroc: Double, paired: Double, controlAuroc: Double, controlPaired: Double) {
      self.auroc = auroc
      self.paired = paired
      self.controlAuroc = controlAuroc
      self.controlPaired = controlPaired
    }
  }

  /// Evaluates an energy on pictures and on the same pictures spoiled.
  ///
  /// - Parameters:
  ///   - batches: pictures `[B, 3, H, W]`, 0...1, batch by batch.
  ///   - tokenSize: the pixels along the side of one token of the encoder.
  ///   - corruptions: what is done to the pictures.
  ///   - seed: fixes what is drawn.
  ///   - energy: pictures to `[B]`; low where they fit the model. If it draws masks, it should draw the
  ///     same ones for the same place in a batch, or the paired figure compares masks.
  ///   - control: pictures to `[B]` without any prediction, such as `-|z|^2` of the embedding: what the
  ///     energy adds is the difference between the two.
  /// - Returns: the figures of each corruption.
  /// - Throws: `InputError.tooFewItems` without pictures, `.unsuitablePictures`, `.wrongShape`,
  ///   `.notANumber`; what the closures throw.
  public static func run(
    batches: some Sequence<Tensor>, tokenSize: Int,
    corruptions: [Corruption] = Corruption.allCases, seed: UInt64 = 0,
    energy: (Tensor) throws -> Tensor, control: (Tensor) throws -> Tensor
  ) throws -> [Corruption: Figures] {
    var clean = Scores()
    var spoiled: [Corruption: Scores] = [:]
    var firstItem = 0
    for pictures in batches {
      try clean.append(pictures, "clean pictures", energy, control)
      for corruption in corruptions {
        let views = try corruption(
          pictures, tokenSize: tokenSize, seed: seed, firstItem: firstItem)
        try spoiled[corruption, default: Scores()].append(
          views.to(pictures.dtype, device: pictures.device), corruption.rawValue, energy, control)
      }
      firstItem += pictures.size(0)
    }
    guard firstItem > 0 else {
      throw InputError.tooFewItems(purpose: "evaluating an energy", needed: 1, found: 0)
    }
    return try spoiled.mapValues { spoiled in
      Figures(
        auroc: try RankStatistics.auroc(positives: spoiled.energies, negatives: clean.energies),
        paired: try RankStatistics.pairedAccuracy(
          positives: spoiled.energies, negatives: clean.energies),
        controlAuroc: try RankStatistics.auroc(
          positives: spoiled.controls, negatives: clean.controls),
        controlPaired: try RankStatistics.pairedAccuracy(
          positives: spoiled.controls, negatives: clean.controls))
    }
  }

  private struct Scores {
    var energies: [Double] = []
    var controls: [Double] = []

    mutating func append(
      _ pictures: Tensor, _ what: String, _ energy: (Tensor) throws -> Tensor,
      _ control: (Tensor) throws -> Tensor
    ) throws {
      energies += try Self.values(try energy(pictures), of: pictures, "energy of \(what)")
      controls += try Self.values(try control(pictures), of: pictures, "control of \(what)")
    }

    private static func values(
      _ scores: Tensor, of pictures: Tensor, _ purpose: String
    ) throws -> [Double] {
      guard scores.shape == [pictures.size(0)] else {
        throw EvaluationError.wrongShape(
          purpose: purpose, expected: [pictures.size(0)], found: scores.shape)
      }
      let values = scores.detached().to(.float64, device: .cpu).array(of: Double.self)
      if let item = values.firstIndex(where: \.isNaN) {
        throw EvaluationError.notANumber(purpose: purpose, item: item)
      }
      return values
    }
  }
}

import Embeddings
import Files
import Foundation
import TrainingRuns

/// What a checkpoint is worth, beside what needed no training: written as JSON, or as a table.
///
/// All accuracies, AUROCs and intervals are fractions in 0...1.
public struct EvaluationReport: Equatable, Sendable, Codable {
  /// The figures of an encoder.
  public struct EncoderFigures: Equatable, Sendable, Codable {
    public let knnTop1: Double
    public let linearTop1: Double
    public let rankMe: Double
    /// The greatest RankMe that so many items of this width can have: min(N, D).
    public let rankMeBound: Int

    var accuracies: Accuracies { Accuracies(knnTop1: knnTop1, linearTop1: linearTop1) }
  }

  /// The figures of raw pixels.
  public struct Accuracies: Equatable, Sendable, Codable {
    public let knnTop1: Double
    public let linearTop1: Double
  }

  /// Where accuracies lie with 95 % confidence.
  public struct AccuracyIntervals: Equatable, Sendable, Codable {
    public let knnTop1: ShareInterval
    public let linearTop1: ShareInterval
  }

  /// One value for each row of the comparison.
  public struct Rows<Value: Equatable & Sendable & Codable>: Equatable, Sendable, Codable {
    public let trained: Value
    public let randomWeights: Value
    public let rawPixels: Value
  }

  public struct Counts: Equatable, Sendable, Codable {
    public let train: Int
    public let test: Int
    public let classes: Int
  }

  /// Which weights were evaluated.
  public struct Checkpoint: Equatable, Sendable, Codable {
    /// The folder that was given.
    public let path: String
    /// The encoder's name, such as `conv-tiny`.
    public let encoder: String
    /// The training step of the weights; nil where they do not say.
    public let step: Int?

    public init(path: String, encoder: String, step: Int? = nil) {
      self.path = path
      self.encoder = encoder
      self.step = step
    }
  }

  public let trained: EncoderFigures
  public let randomWeights: EncoderFigures
  public let rawPixels: Accuracies
  /// Share of the test items that are of the training items' largest class.
  public let majority: Double
  /// For each corruption how well the energy tells spoiled pictures from clean ones.
  public let energy: [Corruption: EnergyEvaluation.Figures]
  /// Wilson's interval of each accuracy.
  public let intervals: Rows<AccuracyIntervals>
  /// How each probe was fitted, with the strength that was chosen.
  public let probes: Rows<LinearProbe.Fit>
  public let counts: Counts
  /// The number of neighbours in kNN.
  public let k: Int
  /// The classes' names in the order of their labels.
  public let classes: [String]
  public let checkpoint: Checkpoint
  /// The test pictures that are training pictures too.
  public let sharedPictures: SharedPictures

  /// Puts the figures together.
  ///
  /// - Parameters:
  ///   - train: the training items, of any of the three kinds of embedding: for counts and classes.
  ///   - test: the test items.
  ///   - classes: the classes' names in the order of their labels.
  ///   - sharedPictures: what the two folders have in common; nil for nothing.
  /// - Throws: `InputError.tooFewItems` where there are none to test.
  ///
  /// - Precondition: `trained` and `randomWeights` have a spread.
  public init(
    trained: EmbeddingScores, randomWeights: EmbeddingScores, rawPixels: EmbeddingScores,
    energy: [Corruption: EnergyEvaluation.Figures], train: EmbeddingTable, test: EmbeddingTable,
    classes: [String], k: Int, checkpoint: Checkpoint, sharedPictures: SharedPictures? = nil
  ) throws {
    func figures(_ scores: EmbeddingScores) -> EncoderFigures {
      guard let spread = scores.spread else {
        preconditionFailure("an encoder's scores without RankMe")
      }
      return .init(
        knnTop1: scores.knnTop1, linearTop1: scores.linearTop1, rankMe: spread.rankMe,
        rankMeBound: spread.rankMeBound)
    }
    func intervals(_ scores: EmbeddingScores) -> AccuracyIntervals {
      .init(
        knnTop1: ShareInterval(of: scores.knnTop1, count: test.count),
        linearTop1: ShareInterval(of: scores.linearTop1, count: test.count))
    }
    let sizes = train.classSizes
    guard let largest = sizes.firstIndex(of: sizes.max() ?? 0) else {
      throw InputError.tooFewItems(purpose: "an evaluation", needed: 1, found: 0)
    }
    majority = try share(
      of: Array(repeating: largest, count: test.count), equalTo: test.labels)
    self.trained = figures(trained)
    self.randomWeights = figures(randomWeights)
    self.rawPixels = .init(knnTop1: rawPixels.knnTop1, linearTop1: rawPixels.linearTop1)
    self.energy = energy
    self.intervals = .init(
      trained: intervals(trained), randomWeights: intervals(randomWeights),
      rawPixels: intervals(rawPixels))
    probes = .init(
      trained: trained.probe, randomWeights: randomWeights.probe, rawPixels: rawPixels.probe)
    counts = .init(
      train: train.count, test: test.count, classes: sizes.count { $0 > 0 })
    self.k = k
    self.classes = classes
    self.checkpoint = checkpoint
    self.sharedPictures =
      sharedPictures ?? SharedPictures(count: 0, testCount: test.count, examples: [])
  }

  /// The report as JSON with sorted keys.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // A collapsed encoder must not cost the user the report: JSON has no word for infinity.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

// As keys of a dictionary the corruptions are keys of a JSON object.
extension Corruption: CodingKeyRepresentable {}

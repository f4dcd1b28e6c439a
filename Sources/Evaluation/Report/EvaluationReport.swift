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

    init(knnTop1: Double, linearTop1: Double) {
      self.knnTop1 = knnTop1
      self.linearTop1 = linearTop1
    }

    init(_ scores: EmbeddingScores) {
      self.init(knnTop1: scores.knnTop1, linearTop1: scores.linearTop1)
    }
  }

  /// Where accuracies lie with 95 % confidence.
  public struct AccuracyIntervals: Equatable, Sendable, Codable {
    public let knnTop1: ShareInterval
    public let linearTop1: ShareInterval

    init(_ accuracies: Accuracies, count: Int) {
      knnTop1 = ShareInterval(of: accuracies.knnTop1, count: count)
      linearTop1 = ShareInterval(of: accuracies.linearTop1, count: count)
    }
  }

  /// One value for each row of the comparison.
  public struct Rows<Value: Equatable & Sendable & Codable>: Equatable, Sendable, Codable {
    public let trained: Value
    public let randomWeights: Value
    public let rawPixels: Value

    func map<Other: Equatable & Sendable & Codable>(_ body: (Value) -> Other) -> Rows<Other> {
      Rows<Other>(
        trained: body(trained), randomWeights: body(randomWeights), rawPixels: body(rawPixels))
    }
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
  /// The test pictures that are nearly training pictures; nil where nobody looked.
  public let leaks: LeakedPictures?
  /// The figures of the test pictures that are not in `leaks`; nil where all or none are.
  public let withoutLeaks: Remainder?

  /// What is found of some of the test pictures.
  public struct Remainder: Equatable, Sendable, Codable {
    /// How many they are.
    public let test: Int
    public let accuracies: Rows<Accuracies>
    /// Wilson's interval of each accuracy.
    public let intervals: Rows<AccuracyIntervals>

    /// - Parameter isKept: of each test item whether it counts.
    init?(
      of isKept: [Bool], trained: EmbeddingScores, randomWeights: EmbeddingScores,
      rawPixels: EmbeddingScores
    ) {
      let count = isKept.count { $0 }
      guard count > 0, count < isKept.count else { return nil }
      func accuracies(_ scores: EmbeddingScores) -> Accuracies {
        func share(_ isRight: [Bool]) -> Double {
          Double(zip(isRight, isKept).count { $0 && $1 }) / Double(count)
        }
        return Accuracies(
          knnTop1: share(scores.isRightByKNN), linearTop1: share(scores.isRightByProbe))
      }
      test = count
      self.accuracies = Rows(
        trained: accuracies(trained), randomWeights: accuracies(randomWeights),
        rawPixels: accuracies(rawPixels))
      intervals = self.accuracies.map { AccuracyIntervals($0, count: count) }
    }
  }

  /// Puts the figures together.
  ///
  /// - Parameters:
  ///   - train: the training items, of any of the three kinds of embedding: for counts and classes.
  ///   - test: the test items.
  ///   - classes: the classes' names in the order of their labels.
  ///   - sharedPictures: what the two folders have in common; nil for nothing.
  ///   - leaks: what they nearly have in common; the test items' paths tell which are meant.
  /// - Throws: `InputError.tooFewItems` where there are none to test.
  ///
  /// - Precondition: `trained` and `randomWeights` have a spread.
  public init(
    trained: EmbeddingScores, randomWeights: EmbeddingScores, rawPixels: EmbeddingScores,
    energy: [Corruption: EnergyEvaluation.Figures], train: EmbeddingTable, test: EmbeddingTable,
    classes: [String], k: Int, checkpoint: Checkpoint, sharedPictures: SharedPictures? = nil,
    leaks: LeakedPictures? = nil
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
      AccuracyIntervals(.init(scores), count: test.count)
    }
    let sizes = train.classSizes
    guard let largest = sizes.firstIndex(of: sizes.max() ?? 0) else {
      throw InputError.tooFewItems(purpose: "an evaluation", needed: 1, found: 0)
    }
    majority = try share(
      of: Array(repeating: largest, count: test.count), equalTo: test.labels)
    self.trained = figures(trained)
    self.randomWeights = figures(randomWeights)
    self.rawPixels = .init(rawPixels)
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
    self.leaks = leaks
    withoutLeaks = leaks.flatMap {
      Remainder(
        of: $0.isNew(test.paths), trained: trained, randomWeights: randomWeights,
        rawPixels: rawPixels)
    }
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

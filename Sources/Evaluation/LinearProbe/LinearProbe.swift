import Embeddings
import EnergyDescent
import Files
import Torch

/// How well classes can be told apart by a linear function of frozen embeddings.
///
/// Multinomial logistic regression on standardized embeddings, full batch, fitted to convergence by
/// L-BFGS. The strength of its L2 penalty is the one whose fit on a part of the training items makes
/// the least cross-entropy on the rest; the probe is then fitted to all of them. No test item is seen.
///
/// Reference: Alain and Bengio 2016, "Understanding intermediate layers using linear classifier
/// probes", arXiv:1610.01644. The protocol follows Radford et al. 2021 (CLIP), arXiv:2103.00020,
/// appendix A.3, but chooses by cross-entropy: on a few hundred items accuracy is too coarse.
public struct LinearProbe: Sendable {
  /// How a probe is fitted.
  public struct Options: Sendable {
    /// The penalties to try, as factors of `||W||^2 / 2` beside the mean cross-entropy.
    public var strengths: [Double]
    /// The share of the training items that the choice is made on.
    public var heldOutShare: Double
    /// Fixes that share's draw.
    public var seed: UInt64
    /// The gradient's Euclidean norm at which a fit has converged. Within
    /// `tolerance^2 / (2 strength)` nats the fit is then the best there is.
    public var gradientTolerance: Double
    /// The most steps of one fit.
    public var maximumIterations: Int

    public init(
      strengths: [Double] = Options.defaultStrengths, heldOutShare: Double = 0.2,
      seed: UInt64 = 0, gradientTolerance: Double = 1e-4, maximumIterations: Int = 1000
    ) {
      self.strengths = strengths
      self.heldOutShare = heldOutShare
      self.seed = seed
      self.gradientTolerance = gradientTolerance
      self.maximumIterations = maximumIterations
    }

    /// 10 to 1e-6, about half a decade apart.
    public static let defaultStrengths: [Double] = [
      10, 3, 1, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6,
    ]
  }

  /// How the fit went.
  public struct Fit: Equatable, Sendable, Codable {
    /// One strength that was tried.
    public struct Candidate: Equatable, Sendable, Codable {
      public let strength: Double
      /// Mean cross-entropy of the held-out items in nats.
      public let heldOutCrossEntropy: Double
      /// The share of the held-out items that was right.
      public let heldOutTop1: Double
      public let iterations: Int
    }

    /// The chosen strength.
    public let strength: Double
    /// The last fit's steps.
    public let iterations: Int
    /// The last fit's gradient norm at its end.
    public let gradientNorm: Double
    /// Why the last fit ended.
    public let reason: LBFGS.StopReason
    /// The objective at the end, penalty included, in nats.
    public let objective: Double
    /// What was tried, strongest first.
    public let candidates: [Candidate]
  }

  public let fit: Fit
  /// Weights of the standardized dimensions, float64 `[D, K]`; each row sums to 0.
  public var weights: Tensor { solution.slice(0..<width) }
  /// The classes' biases, float64 `[K]`.
  public var bias: Tensor { solution[width] }
  /// The width of an embedding, D.
  public var width: Int { solution.size(0) - 1 }

  // Penalties half a decade apart differ by far more than this changes their cross-entropy.
  private static let choosingLooseness = 10.0

  // Up to so many numbers the products run in float64: 32 MB.
  private static let greatestExactCount = 1 << 22

  private let standardization: Standardization
  private let solution: Tensor

  /// Fits a probe to labelled embeddings.
  ///
  /// - Throws: `EmbeddingError.tooFewClasses`; `.tooFewItems` where none can be held out;
  ///   `.invalidSetting`.
  public init(
    fitting items: EmbeddingTable, options: Options = Options()
  ) throws {
    try Self.check(options)
    try items.requireClasses()
    var strengths = options.strengths.sorted(by: >)
    let split = StratifiedSplit(
      labels: items.labels, heldOutShare: options.heldOutShare, seed: options.seed)
    let mayChoose = strengths.count > 1
    guard !mayChoose || !split.heldOut.isEmpty else {
      throw InputError.tooFewItems(
        purpose: "choosing a penalty on \(options.heldOutShare) of the items",
        needed: Int((0.5 / options.heldOutShare).rounded(.up)) * 2, found: items.count)
    }
    let result = withoutGradient {
      let standardization = Standardization(of: items.embeddings)
      let standardized = standardization(items.embeddings)
      let isSmall = standardized.count <= Self.greatestExactCount
      let x = isSmall ? standardized.to(.float64) : standardized
      let curvature = CurvatureEstimate(of: x)
      func regression(_ rows: [Int]?) -> SoftmaxRegression {
        SoftmaxRegression(
          x: rows.map { x.select(indices: Tensor($0.map(Int64.init))) } ?? x,
          labels: rows.map { $0.map { items.labels[$0] } } ?? items.labels,
          classCount: items.classCount, curvature: curvature)
      }
      var candidates: [Fit.Candidate] = []
      var start: Tensor?
      if mayChoose {
        (candidates, start) = Self.path(
          fit: regression(split.kept), score: regression(split.heldOut), strengths, options)
        strengths = [candidates.min { $0.heldOutCrossEntropy < $1.heldOutCrossEntropy }!.strength]
      }
      let whole = regression(nil)
      let solution = whole.fit(
        strength: strengths[0], from: start ?? whole.zeroWeights,
        gradientTolerance: options.gradientTolerance,
        maximumIterations: options.maximumIterations)
      let fit = Fit(
        strength: strengths[0], iterations: solution.iterations,
        gradientNorm: solution.gradientNorm, reason: solution.reason, objective: solution.value,
        candidates: candidates)
      return (standardization, solution.point, fit)
    }
    (standardization, solution, fit) = result
  }

  /// The class of each item.
  ///
  /// - Throws: `EmbeddingError.widthMismatch`.
  public func classify(_ items: EmbeddingTable) throws -> [Int] {
    guard items.width == width else {
      throw EmbeddingError.widthMismatch(expected: width, found: items.width)
    }
    return withoutGradient {
      SoftmaxRegression.logits(standardization(items.embeddings), solution).argmax(-1)
        .array(of: Int64.self).map(Int.init)
    }
  }

  /// The share of items whose class is found, 0 to 1.
  ///
  /// - Throws: `EmbeddingError.widthMismatch`; `.tooFewItems` without items.
  public func top1(on items: EmbeddingTable) throws -> Double {
    try share(of: try classify(items), equalTo: items.labels)
  }

  /// Fits from the strongest penalty to the weakest, each from the last one's weights, until the
  /// held-out cross-entropy has risen twice in a row: it would only rise further.
  ///
  /// - Returns: what was tried, and the weights of the best one.
  private static func path(
    fit: SoftmaxRegression, score: SoftmaxRegression, _ strengths: [Double], _ options: Options
  ) -> ([Fit.Candidate], Tensor) {
    var candidates: [Fit.Candidate] = []
    var weights = fit.zeroWeights
    var best = weights
    var least = Double.infinity
    var rises = 0
    for strength in strengths {
      let solution = fit.fit(
        strength: strength, from: weights,
        gradientTolerance: choosingLooseness * options.gradientTolerance,
        maximumIterations: options.maximumIterations)
      weights = solution.point
      let (crossEntropy, top1) = score.score(weights)
      let rose = crossEntropy > candidates.last?.heldOutCrossEntropy ?? .infinity
      rises = rose ? rises + 1 : 0
      candidates.append(
        .init(
          strength: strength, heldOutCrossEntropy: crossEntropy, heldOutTop1: top1,
          iterations: solution.iterations))
      if crossEntropy < least { (least, best) = (crossEntropy, weights) }
      if rises == 2 { break }
    }
    return (candidates, best)
  }

  private static func check(_ options: Options) throws {
    guard !options.strengths.isEmpty, options.strengths.allSatisfy({ $0 > 0 && $0.isFinite })
    else {
      throw InputError.invalidSetting(
        name: "strengths", expected: "numbers above 0", found: "\(options.strengths)")
    }
    guard options.heldOutShare > 0, options.heldOutShare <= 0.5 else {
      throw InputError.invalidSetting(
        name: "heldOutShare", expected: "above 0, at most 0.5", found: "\(options.heldOutShare)")
    }
  }
}

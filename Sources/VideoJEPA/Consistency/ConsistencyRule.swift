import Files
import Foundation

/// What kind of break the frames look like.
public enum BreakKind: String, Codable, Sendable, CaseIterable {
  case cut
  /// Frames in the wrong order: swapped or shuffled.
  case order = "swap or shuffle"
  case dropped
  /// A frame shown again, or a freeze.
  case duplicate = "duplicate or freeze"
  case damage = "damaged block"
  case flash
  case local = "local change"
}

/// Weighs all statistics around a frame into the odds that something breaks there, and what.
///
///     logit_k(t) = b_k + sum over features j and hinges h of w_kjh h(x_j(t)),  x_j standardized
///     score(t)   = log sum over kinds k of exp(logit_k(t)) - logit_clean(t)
///
/// Multinomial logistic regression on each feature, max(x - 1, 0) and max(-x - 1, 0): two-sided, so that a
/// freeze, which lowers an energy, counts as a jump does. Fitted on injected faults by `jepa benchmark
/// video --fit`; the file of coefficients can be read.
public struct ConsistencyRule: Codable, Sendable {
  /// One feature and what makes it comparable with others.
  public struct Input: Codable, Sendable {
    public let feature: RuleFeature
    public let mean: Float
    public let deviation: Float

    public init(feature: RuleFeature, mean: Float, deviation: Float) {
      self.feature = feature
      self.mean = mean
      self.deviation = deviation
    }
  }

  /// Standardized features are cut to this: beyond it they say no more.
  public static let limit: Float = 6

  public let inputs: [Input]
  /// Row by row: clean, then each kind of `BreakKind.allCases`; three weights an input.
  public let weights: [[Float]]
  /// Clean, then each kind.
  public let biases: [Float]
  /// The score above which a frame is flagged where nothing better is known.
  public let threshold: Float
  /// Clean frames that `threshold` was set on, and how many of them are above it.
  public let cleanFrames: Int
  public let cleanAlarms: Int

  /// - Precondition: weights and biases have a row for clean and each kind.
  public init(
    inputs: [Input], weights: [[Float]], biases: [Float], threshold: Float, cleanFrames: Int,
    cleanAlarms: Int
  ) {
    precondition(
      !inputs.isEmpty && weights.count == BreakKind.allCases.count + 1
        && biases.count == weights.count
        && weights.allSatisfy { $0.count == 3 * inputs.count },
      "a rule of \(weights.count) rows for \(inputs.count) features")
    self.inputs = inputs
    self.weights = weights
    self.biases = biases
    self.threshold = threshold
    self.cleanFrames = cleanFrames
    self.cleanAlarms = cleanAlarms
  }

  /// - Throws: `DecodingError` for a file that was edited into something that is no rule.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let inputs = try values.decode([Input].self, forKey: .inputs)
    let weights = try values.decode([[Float]].self, forKey: .weights)
    let biases = try values.decode([Float].self, forKey: .biases)
    guard !inputs.isEmpty else {
      throw DecodingError.dataCorruptedError(
        forKey: .inputs, in: values, debugDescription: "expected at least one feature, found none")
    }
    let rows = BreakKind.allCases.count + 1
    guard weights.count == rows, biases.count == rows,
      weights.allSatisfy({ $0.count == 3 * inputs.count })
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .weights, in: values,
        debugDescription: "expected \(rows) rows of \(3 * inputs.count) weights and as many biases")
    }
    self.init(
      inputs: inputs, weights: weights, biases: biases,
      threshold: try values.decode(Float.self, forKey: .threshold),
      cleanFrames: try values.decode(Int.self, forKey: .cleanFrames),
      cleanAlarms: try values.decode(Int.self, forKey: .cleanAlarms))
  }

  /// What the rule says of one frame.
  public struct Judgement: Sendable {
    /// The log-odds of any break.
    public let score: Float
    public let kind: BreakKind
    /// The statistic that spoke loudest for this kind.
    public let statistic: Statistic
  }

  /// A standardized feature of each frame; 0, as for an ordinary one, where it is not known.
  private static func standardized(_ input: Input, _ series: SharedSeries) -> [Float] {
    input.feature.values(from: series).map {
      $0.isFinite ? min(max(($0 - input.mean) / input.deviation, -limit), limit) : 0
    }
  }

  /// The feature itself, and what of it is above 1 and below -1.
  private static func hinges(_ value: Float) -> (Float, Float, Float) {
    (value, max(value - 1, 0), max(-value - 1, 0))
  }

  /// The features of every frame as the rule weighs them: `count` rows of three numbers an input.
  public static func expanded(_ inputs: [Input], of table: FrameTable) -> [[Float]] {
    var rows = [[Float]](
      repeating: [Float](repeating: 0, count: 3 * inputs.count), count: table.count)
    let series = SharedSeries(table)
    for (place, input) in inputs.enumerated() {
      for (row, value) in standardized(input, series).enumerated() {
        (rows[row][3 * place], rows[row][3 * place + 1], rows[row][3 * place + 2]) = hinges(value)
      }
    }
    return rows
  }

  /// Judges every frame of a clip, one feature after the other: a long clip needs no more than a few numbers
  /// a frame.
  ///
  /// - Precondition: `table` has the statistics that the features are made from.
  public func judge(_ table: FrameTable) -> [Judgement] {
    let series = SharedSeries(table)
    let classes = biases.count
    var logits = [Float](repeating: 0, count: table.count * classes)
    for row in 0..<table.count {
      for kind in 0..<classes { logits[row * classes + kind] = biases[kind] }
    }
    for (place, input) in inputs.enumerated() {
      for (row, value) in Self.standardized(input, series).enumerated() {
        let (plain, above, below) = Self.hinges(value)
        for kind in 0..<classes {
          logits[row * classes + kind] +=
            weights[kind][3 * place] * plain + weights[kind][3 * place + 1] * above
            + weights[kind][3 * place + 2] * below
        }
      }
    }
    let winners = (0..<table.count).map { row in
      (1..<classes).max { logits[row * classes + $0] < logits[row * classes + $1] }!
    }
    let loudest = loudestInputs(for: winners, series)
    return (0..<table.count).map { row in
      let breaks = logits[row * classes + 1..<(row + 1) * classes]
      let greatest = logits[row * classes + winners[row]]
      let sum = breaks.reduce(Float(0)) { $0 + exp($1 - greatest) }
      return Judgement(
        score: greatest + log(sum) - logits[row * classes],
        kind: BreakKind.allCases[winners[row] - 1],
        statistic: inputs[loudest[row]].feature.statistic)
    }
  }

  /// For each frame the input that spoke loudest for its winner, against clean.
  private func loudestInputs(for winners: [Int], _ series: SharedSeries) -> [Int] {
    var loudest = [Int](repeating: 0, count: winners.count)
    var greatest = [Float](repeating: -.infinity, count: winners.count)
    for (place, input) in inputs.enumerated() {
      for (row, value) in Self.standardized(input, series).enumerated() {
        let (plain, above, below) = Self.hinges(value)
        let (mine, clean) = (weights[winners[row]], weights[0])
        let contribution =
          (mine[3 * place] - clean[3 * place]) * plain
          + (mine[3 * place + 1] - clean[3 * place + 1]) * above
          + (mine[3 * place + 2] - clean[3 * place + 2]) * below
        if contribution > greatest[row] { (loudest[row], greatest[row]) = (place, contribution) }
      }
    }
    return loudest
  }

  /// The statistics that the rule needs.
  public var statistics: Set<Statistic> { Set(inputs.flatMap(\.feature.sources)) }

  /// What names these coefficients wherever they were used: made of all that the file holds.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for input in inputs {
      fingerprint.add(input.feature.description.utf8)
      fingerprint.add(UInt64(input.mean.bitPattern) << 32 | UInt64(input.deviation.bitPattern))
    }
    for value in weights.joined() { fingerprint.add(UInt64(value.bitPattern)) }
    for value in biases + [threshold] { fingerprint.add(UInt64(value.bitPattern)) }
    return String(fingerprint.value, radix: 16)
  }
}

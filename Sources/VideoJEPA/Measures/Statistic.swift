import Files

/// A number that is measured of every frame. `key` is what files call it, such as `energyMiddleTop`.
public enum Statistic: Hashable, Sendable {
  // Of pixels.
  case pixelDifference(Summary)
  case interpolationError(Summary)
  case orderRatio
  case isRepeat
  case colorShift
  case colorInterpolationError
  case shotSeparation
  case isCut
  // Of tokens.
  case energy(PredictionMode, Summary)
  case copyLast(Summary)
  case cosineDistance
  // Of either.
  /// To the frame so many before.
  case distance(Part, lag: Int, Summary)
  /// How badly a hypothesis explains the distances among six frames: an energy.
  case misfit(TransitionHypothesis, Part)
  /// Another one, as a logarithm against the median of the four frames on either side.
  indirect case ratio(Statistic)

  /// What a frame is made of.
  public enum Part: String, Sendable, CaseIterable {
    case pixels, tokens
  }

  /// How the values of a frame's blocks of pixels or of its tokens become one number; the raw value ends the key.
  public enum Summary: String, Sendable, CaseIterable {
    case mean = ""
    /// The mean of the four greatest.
    case top = "Top"
    case greatest = "Max"
  }

  /// What a statistic counts in.
  public enum Unit: Sendable {
    /// Differences of brightness or colour, of 255.
    case greyLevels
    /// Root mean square differences of tokens.
    case tokenDistance
    /// Mean square errors of tokens.
    case tokenError
    /// Energies of hypotheses, by what they are of.
    case nats(Part)
    /// Numbers without a unit, 0 or 1 among them.
    case none
  }

  public var unit: Unit {
    switch self {
    case .pixelDifference, .interpolationError, .colorShift, .colorInterpolationError,
      .distance(.pixels, _, _):
      .greyLevels
    case .distance(.tokens, _, _): .tokenDistance
    case .energy, .copyLast: .tokenError
    case .misfit(_, let part): .nats(part)
    case .orderRatio, .isRepeat, .shotSeparation, .isCut, .cosineDistance: .none
    case .ratio(let statistic): statistic.unit
    }
  }

  /// What is added before a logarithm is taken: about what a frame's own noise amounts to.
  public var noiseFloor: Float {
    switch unit {
    case .greyLevels, .none, .nats(.pixels): 0.2
    case .tokenDistance, .nats(.tokens): 0.03
    case .tokenError: 1e-3
    }
  }

  /// Whether 0, 1 or the number itself means something, whatever is usual in the clip.
  public var isAbsolute: Bool {
    switch self {
    case .orderRatio, .isRepeat, .shotSeparation, .isCut, .misfit: true
    default: false
    }
  }
}

// MARK: All of them

extension Statistic {
  /// What `PixelMeter` measures, in the order of a table's columns.
  public static let ofPixels: [Statistic] =
    [
      .pixelDifference(.mean), .pixelDifference(.top), .interpolationError(.mean),
      .interpolationError(.top), .orderRatio, .isRepeat, .colorShift, .colorInterpolationError,
      .shotSeparation, .isCut,
    ] + distances(.pixels) + TransitionHypothesis.allCases.map { .misfit($0, .pixels) }

  /// What `TokenMeter` measures: the energies of the three predictions, and what needs none.
  public static let ofTokens: [Statistic] =
    PredictionMode.allCases.flatMap { mode in Summary.allCases.map { .energy(mode, $0) } }
    + [.copyLast(.mean), .copyLast(.top), .cosineDistance] + distances(.tokens)
    + TransitionHypothesis.allCases.map { .misfit($0, .tokens) }

  /// Those that are also given against their neighbours.
  static let relative: [Statistic] =
    [.pixelDifference(.mean), .copyLast(.mean)]
    + PredictionMode.allCases.map { .energy($0, .mean) }

  /// All that is measured of a clip.
  public static let all: [Statistic] = ofPixels + ofTokens + relative.map { .ratio($0) }

  /// Those of a frame to the frames one to five before.
  static func distances(_ part: Part) -> [Statistic] {
    (1..<2 * TransitionDistances.reach).flatMap { lag in
      [Summary.mean, .top].map { .distance(part, lag: lag, $0) }
    }
  }
}

// MARK: Keys

extension Statistic {
  /// What files call it.
  public var key: String {
    switch self {
    case .pixelDifference(let summary): "pixelDifference" + summary.rawValue
    case .interpolationError(let summary): "interpolationError" + summary.rawValue
    case .orderRatio: "orderRatio"
    case .isRepeat: "isRepeat"
    case .colorShift: "colorShift"
    case .colorInterpolationError: "colorInterpolationError"
    case .shotSeparation: "shotSeparation"
    case .isCut: "isCut"
    case .energy(let mode, let summary):
      "energy" + mode.rawValue.capitalizedFirst + summary.rawValue
    case .copyLast(let summary): "copyLast" + summary.rawValue
    case .cosineDistance: "cosineDistance"
    case .distance(let part, let lag, let summary): "\(part.distanceKey)\(lag)\(summary.rawValue)"
    case .misfit(let hypothesis, .pixels): "hypothesis" + hypothesis.rawValue.capitalizedFirst
    case .misfit(let hypothesis, .tokens): "tokenHypothesis" + hypothesis.rawValue.capitalizedFirst
    case .ratio(let statistic): statistic.key + "Ratio"
    }
  }

  private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

  /// The statistic that files call so; nil for another word.
  public init?(key: String) {
    guard let known = Self.byKey[key] else { return nil }
    self = known
  }
}

extension Statistic.Part {
  /// What the keys of its distances begin with.
  var distanceKey: String { self == .pixels ? "pixelDistance" : "tokenDistance" }
}

extension Statistic: CustomStringConvertible, Codable {
  public var description: String { key }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let key = try container.decode(String.self)
    guard let known = Statistic(key: key) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "there is no statistic \(key)")
    }
    self = known
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(key)
  }
}

// MARK: Words for people

extension Statistic {
  /// A few words, for a table or above a curve.
  public var words: String { text.words }

  /// What is measured, and in which unit.
  public var explanation: String { text.explanation }

  private typealias Text = (words: String, explanation: String)

  private var text: Text {
    switch self {
    case .pixelDifference(let summary):
      summary.applied(
        ("pixel difference", "mean difference of brightness to the frame before, in grey levels"),
        to: .pixels)
    case .interpolationError(let summary):
      summary.applied(
        (
          "interpolation error", "mean difference to the average of both neighbours, in grey levels"
        ),
        to: .pixels)
    case .orderRatio:
      (
        "order ratio",
        "distance to both neighbours over twice the distance between them: about 0.5 on smooth motion, "
          + "above 1 for a frame out of place"
      )
    case .isRepeat: ("exact repeat", "1 where the frame is the one before again")
    case .colorShift:
      ("colour shift", "greatest change of a mean colour from the frame before, in grey levels")
    case .colorInterpolationError:
      (
        "colour jump",
        "greatest difference of a mean colour to the average of both neighbours, in grey levels"
      )
    case .shotSeparation:
      (
        "shot separation",
        "least distance from the three frames before to the three from here on, over the greatest "
          + "within either three: above 1 they are two shots"
      )
    case .isCut: ("cut found", "1 at the first frame of a new shot")
    case .energy(let mode, .greatest):
      (
        "energy, \(mode.words), worst token",
        "error of predicting the frame's worst token from \(mode.context)"
      )
    case .energy(let mode, let summary):
      summary.applied(
        ("energy, \(mode.words)", "error of predicting the frame's tokens from \(mode.context)"),
        to: .tokens)
    case .copyLast(let summary):
      summary.applied(
        ("token change", "error of predicting the frame's tokens by those of the frame before"),
        to: .tokens)
    case .cosineDistance:
      (
        "turn of the mean token",
        "1 - cosine between the mean tokens of this frame and the one before"
      )
    case .distance(let part, let lag, let summary):
      summary.applied(
        (
          "\(part == .pixels ? "pixel" : "token") distance over \(lag.counted("frame"))",
          (part == .pixels
            ? "mean difference of brightness, in grey levels"
            : "root mean square difference of tokens") + ", to the frame \(lag) before"
        ), to: part)
    case .misfit(let hypothesis, let part):
      (
        "misfit as \(hypothesis.words.name), by \(part.rawValue)",
        "how badly \"\(hypothesis.words.meaning)\" explains the distances among six frames, "
          + "by \(part.rawValue): an energy in nats"
      )
    case .ratio(let statistic):
      (
        "\(statistic.words), against neighbours",
        "\(statistic.explanation): logarithm over the median of the four frames on either side"
      )
    }
  }
}

extension Statistic.Summary {
  fileprivate func applied(
    _ text: (words: String, explanation: String), to part: Statistic.Part
  ) -> (words: String, explanation: String) {
    let parts = part == .pixels ? "blocks" : "tokens"
    return switch self {
    case .mean: text
    case .top:
      (
        "\(text.words), top \(parts)",
        "\(text.explanation), over the four \(parts) where it is greatest"
      )
    case .greatest:
      (
        "\(text.words), worst of the \(parts)",
        "\(text.explanation), at the worst of the \(parts)"
      )
    }
  }
}

extension PredictionMode {
  fileprivate var words: String {
    switch self {
    case .past: "from the past"
    case .future: "from the future"
    case .middle: "from both sides"
    }
  }

  /// What it predicts from.
  fileprivate var context: String {
    switch self {
    case .past: "the frames before"
    case .future: "the frames after"
    case .middle: "the frames before and after"
    }
  }
}

extension TransitionHypothesis {
  /// What it is called, and what it says.
  fileprivate var words: (name: String, meaning: String) {
    switch self {
    case .swapped: ("swap", "the frame before and this one changed places")
    case .repeated: ("repeat", "this is the frame before again")
    case .next: ("next frame", "this is the next frame, nothing is wrong")
    case .skipped1: ("1 dropped", "one frame is missing here")
    case .skipped2: ("2 dropped", "two frames are missing here")
    case .skipped4: ("4 dropped", "four or more frames are missing here")
    case .cut: ("cut", "this frame belongs to another shot")
    }
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

/// What a statistic is called where people read it. Files keep the keys of `ClipMeasurement.names`.
public struct StatisticName: Sendable, Equatable {
  /// The key, such as `energyMiddleTop`.
  public let key: String
  /// A few words, for a table or above a curve; the key itself where it is not known.
  public let words: String
  /// What is measured, and in which unit; empty where the key is not known.
  public let explanation: String

  /// - Parameter key: of `ClipMeasurement.names`, or `score`.
  public init(_ key: String) {
    self.key = key
    (words, explanation) = Self.table[key] ?? (key, "")
  }

  /// Whether the table has words for the key.
  var isKnown: Bool { Self.table[key] != nil }

  private typealias Entry = (words: String, explanation: String)

  private static let table: [String: Entry] = {
    var table = singles
    for (family, words, unit, top) in [
      (
        "pixelDistance", "pixel distance", "mean difference of brightness, in grey levels", "blocks"
      ),
      ("tokenDistance", "token distance", "root mean square difference of tokens", "tokens"),
    ] {
      for lag in 1..<RuleFeature.pairFrames.count {
        let apart = "\(lag) frame\(lag == 1 ? "" : "s")"
        add("\(family)\(lag)", "\(words) over \(apart)", "\(unit), to the frame \(lag) before")
        addTop("\(family)\(lag)", top)
      }
    }
    for (mode, words, context) in [
      (PredictionMode.past, "from the past", "the frames before"),
      (.future, "from the future", "the frames after"),
      (.middle, "from both sides", "the frames before and after"),
    ] {
      let key = TokenMeter.energyName(mode)
      add(key, "energy, \(words)", "error of predicting the frame's tokens from \(context)")
      addTop(key, "tokens")
      add(
        TokenMeter.energyName(mode, .greatest), "energy, \(words), worst token",
        "error of predicting the frame's worst token from \(context)")
    }
    for key in ["pixelDifference", "interpolationError"] { addTop(key, "blocks") }
    addTop("copyLast", "tokens")
    for hypothesis in TransitionHypothesis.allCases {
      let (words, meaning) = hypothesis.words
      let explanation = "how badly \"\(meaning)\" explains the distances among six frames"
      add(
        PixelMeter.energyName(hypothesis), "misfit as \(words), by pixels",
        "\(explanation), by pixels: an energy in nats")
      add(
        TokenMeter.energyName(hypothesis), "misfit as \(words), by tokens",
        "\(explanation), by tokens: an energy in nats")
    }
    for ratio in ClipMeasurement.names where ratio.hasSuffix("Ratio") {
      guard let entry = table[String(ratio.dropLast("Ratio".count))] else { continue }
      add(
        ratio, "\(entry.words), against neighbours",
        "\(entry.explanation): logarithm over the median of the four frames on either side")
    }
    return table

    func add(_ key: String, _ words: String, _ explanation: String) {
      table[key] = (words, explanation)
    }
    func addTop(_ key: String, _ parts: String) {
      let entry = table[key]!
      add(
        "\(key)Top", "\(entry.words), top \(parts)",
        "\(entry.explanation), over the four \(parts) where it is greatest")
    }
  }()

  private static let singles: [String: Entry] = [
    "score": ("score", "log-odds of a break, above the threshold: above 0 a frame is flagged"),
    "pixelDifference": (
      "pixel difference", "mean difference of brightness to the frame before, in grey levels"
    ),
    "interpolationError": (
      "interpolation error", "mean difference to the average of both neighbours, in grey levels"
    ),
    "orderRatio": (
      "order ratio",
      "distance to both neighbours over twice the distance between them: about 0.5 on smooth motion, "
        + "above 1 for a frame out of place"
    ),
    "isRepeat": ("exact repeat", "1 where the frame is the one before again"),
    "colorShift": (
      "colour shift", "greatest change of a mean colour from the frame before, in grey levels"
    ),
    "colorInterpolationError": (
      "colour jump",
      "greatest difference of a mean colour to the average of both neighbours, in grey levels"
    ),
    "shotSeparation": (
      "shot separation",
      "least distance from the three frames before to the three from here on, over the greatest within "
        + "either three: above 1 they are two shots"
    ),
    "isCut": ("cut found", "1 at the first frame of a new shot"),
    "copyLast": (
      "token change", "error of predicting the frame's tokens by those of the frame before"
    ),
    "cosineDistance": (
      "turn of the mean token",
      "1 - cosine between the mean tokens of this frame and the one before"
    ),
  ]
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

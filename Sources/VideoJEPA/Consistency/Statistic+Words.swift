import Files

/// Words for people: files keep the keys.
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

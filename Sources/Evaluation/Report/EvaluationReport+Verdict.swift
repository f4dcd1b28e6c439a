import Foundation

extension EvaluationReport {
  /// What kNN and the linear probe show of the encoder, a sentence each; and what spoils both.
  public var verdict: String {
    var sentences = [sentence("kNN", \.knnTop1), sentence("the linear probe", \.linearTop1)]
    if let shared = sharedPictures.summary {
      sentences.append("But \(shared): these figures are not all of new pictures.")
    }
    if let near = leaks?.summary {
      sentences.append("And \(near): look whether they are copies.")
    }
    return sentences.joined(separator: "\n")
  }

  private func sentence(_ judge: String, _ accuracy: KeyPath<Accuracies, Double>) -> String {
    func difference(_ figures: EncoderFigures, from other: Accuracies) -> ShareDifference {
      ShareDifference(
        figures.accuracies[keyPath: accuracy], above: other[keyPath: accuracy], count: counts.test)
    }
    let pixels = difference(trained, from: rawPixels)
    let random = difference(trained, from: randomWeights.accuracies)
    return "By \(judge) the encoder is \(Self.phrase(pixels, "raw pixels")) and "
      + "\(Self.phrase(random, "its own random weights")): "
      + Self.conclusion(pixels: pixels.standing, random: random.standing) + "."
  }

  /// `above raw pixels (+11.9 points, 95 %: +6.4 to +17.3)`
  private static func phrase(_ difference: ShareDifference, _ other: String) -> String {
    let word =
      switch difference.standing {
      case .above: "above"
      case .level: "level with"
      case .below: "below"
      }
    func points(_ share: Double) -> String {
      let text = String(format: "%+.1f", 100 * share)
      return text == "-0.0" ? "+0.0" : text
    }
    return "\(word) \(other) (\(points(difference.value)) points, 95 %: "
      + "\(points(difference.low)) to \(points(difference.high)))"
  }

  /// What follows from where an encoder stands beside raw pixels and beside what training began with.
  static func conclusion(
    pixels: ShareDifference.Standing, random: ShareDifference.Standing
  ) -> String {
    switch (pixels, random) {
    case (.above, .above): "it has learned what neither shows"
    case (.above, .level): "nothing shows that this comes from training"
    case (.above, .below): "training has made it worse, though not worse than raw pixels"
    case (.level, .above): "it has learned, but nothing shows that it is better than raw pixels"
    case (.level, .level): "nothing shows that it has learned"
    case (.level, .below): "training has made it worse"
    case (.below, .above): "it has learned, but raw pixels serve better"
    case (.below, .level): "nothing shows that it has learned, and raw pixels serve better"
    case (.below, .below): "training has made it worse, and raw pixels serve better"
    }
  }
}

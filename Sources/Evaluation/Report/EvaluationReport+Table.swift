import Foundation

extension EvaluationReport {
  /// The figures as plain text for a terminal, the verdict last.
  public var table: String {
    var lines: [String] = []
    let stepText = checkpoint.step.map { ", step \($0)" } ?? ""
    lines.append("\(checkpoint.path) (\(checkpoint.encoder)\(stepText))")
    lines.append(
      "\(counts.train) training and \(counts.test) test items, \(counts.classes) classes")
    lines.append("")
    lines.append(Self.row("", ["kNN, k = \(k)", "linear probe", "RankMe"]))
    func accuracies(_ p: Accuracies, _ error: Accuracies) -> [String] {
      [(p.knnTop1, error.knnTop1), (p.linearTop1, error.linearTop1)].map {
        "\(Self.text($0.0, 3)) ± \(Self.text($0.1, 3))"
      }
    }
    for (name, figures, errors) in [
      ("trained", trained, standardErrors.trained),
      ("random weights", randomWeights, standardErrors.randomWeights),
    ] {
      let p = Accuracies(knnTop1: figures.knnTop1, linearTop1: figures.linearTop1)
      lines.append(Self.row(name, accuracies(p, errors) + [Self.text(figures.rankMe, 1)]))
    }
    lines.append(Self.row("raw pixels", accuracies(rawPixels, standardErrors.rawPixels)))
    lines.append(Self.row("largest class", [Self.text(majority, 3), Self.text(majority, 3)]))
    if !energy.isEmpty {
      lines.append("")
      lines.append(Self.row("energy", ["AUROC", "paired", "control AUROC", "control paired"]))
      for corruption in Corruption.allCases {
        guard let figures = energy[corruption] else { continue }
        lines.append(
          Self.row(
            corruption.title,
            [figures.auroc, figures.paired, figures.controlAuroc, figures.controlPaired]
              .map { Self.text($0, 3) }))
      }
    }
    return (lines + ["", verdict]).joined(separator: "\n")
  }

  /// One sentence: whether the encoder has learned, and by how much.
  ///
  /// A difference counts where it is above two standard errors of a difference.
  public var verdict: String {
    let pixels = Gap(
      trained.knnTop1, rawPixels.knnTop1, standardErrors.trained.knnTop1,
      standardErrors.rawPixels.knnTop1)
    let random = Gap(
      trained.knnTop1, randomWeights.knnTop1, standardErrors.trained.knnTop1,
      standardErrors.randomWeights.knnTop1)
    let linearPixels = Gap(
      trained.linearTop1, rawPixels.linearTop1, standardErrors.trained.linearTop1,
      standardErrors.rawPixels.linearTop1)
    let linearRandom = Gap(
      trained.linearTop1, randomWeights.linearTop1, standardErrors.trained.linearTop1,
      standardErrors.randomWeights.linearTop1)
    let figures =
      "(kNN; linear probe: \(linearPixels.signedPoints) and \(linearRandom.signedPoints))"
    let found: String
    switch (pixels.standing, random.standing) {
    case (.ahead, .ahead):
      found =
        "beats raw pixels by \(pixels.points) points and its own random weights by "
        + "\(random.points)"
    case (let left, let right):
      found =
        "\(left.phrase) raw pixels (\(pixels.signedPoints) points) and "
        + "\(right.phrase) its own random weights (\(random.signedPoints))"
    }
    let beatsRandom = random.standing == .ahead || linearRandom.standing == .ahead
    let conclusion =
      switch (pixels.standing, random.standing) {
      case (.ahead, .ahead): "it has learned"
      case _ where linearPixels.standing == .ahead && linearRandom.standing == .ahead:
        "it has learned what a linear probe can see, but not what distance can"
      case (.behind, _) where beatsRandom:
        "it has learned something, but less than raw pixels show"
      case _ where beatsRandom: "it has learned something, but raw pixels serve as well"
      default: "nothing here shows that it has learned"
      }
    return "The encoder \(found) \(figures): \(conclusion)."
  }

  private enum Standing {
    case ahead, level, behind

    var phrase: String {
      switch self {
      case .ahead: "beats"
      case .level: "is level with"
      case .behind: "is behind"
      }
    }
  }

  /// How far one accuracy is above another.
  private struct Gap {
    let difference: Double
    let standing: Standing

    init(_ p: Double, _ q: Double, _ pError: Double, _ qError: Double) {
      difference = p - q
      let limit = 2 * (pError * pError + qError * qError).squareRoot()
      standing = difference > limit ? .ahead : difference < -limit ? .behind : .level
    }

    var points: String { EvaluationReport.text(100 * abs(difference), 1) }
    var signedPoints: String { (difference < 0 ? "-" : "+") + points }
  }

  private static func text(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private static func row(_ name: String, _ cells: [String]) -> String {
    let padded = cells.map { String(repeating: " ", count: max(16 - $0.count, 1)) + $0 }
    return name + String(repeating: " ", count: max(20 - name.count, 1)) + padded.joined()
  }
}

extension Corruption {
  /// In words, for a table.
  var title: String {
    switch self {
    case .blockSwap: "blocks swapped"
    case .blockSwapOffGrid: "swapped off grid"
    case .replacedQuadrant: "quadrant replaced"
    case .noise: "noise"
    }
  }
}

import Files
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
    func row(_ name: String, _ cells: [String]) -> String {
      Self.row(name, cells, widths: [21, 21, 16])
    }
    lines.append(row("", ["kNN, k = \(k)", "linear probe", "RankMe"]))
    func accuracies(_ p: Accuracies, _ intervals: AccuracyIntervals) -> [String] {
      [(p.knnTop1, intervals.knnTop1), (p.linearTop1, intervals.linearTop1)].map {
        "\(Self.text($0, 3)) (\(Self.text($1.low, 3))-\(Self.text($1.high, 3)))"
      }
    }
    for (name, figures, intervals) in [
      ("trained", trained, self.intervals.trained),
      ("random weights", randomWeights, self.intervals.randomWeights),
    ] {
      let rank = "\(Self.text(figures.rankMe, 1)) of \(figures.rankMeBound)"
      lines.append(row(name, accuracies(figures.accuracies, intervals) + [rank]))
    }
    lines.append(row("raw pixels", accuracies(rawPixels, intervals.rawPixels)))
    let noInterval = String(repeating: " ", count: " (0.000-0.000)".count)
    let alone = Self.text(majority, 3)
    lines.append(Self.row("largest class", [alone, noInterval + alone], widths: [7, 21]))
    lines.append("(in brackets: where the share lies, with 95 % confidence)")
    if let withoutLeaks {
      let left = leaks?.pairs.count ?? 0
      lines.append("")
      lines.append(
        "without the \(left.counted("test item")) that the training items hold, or nearly: "
          + "\(withoutLeaks.test) are left")
      for (name, figures, intervals) in [
        ("trained", withoutLeaks.accuracies.trained, withoutLeaks.intervals.trained),
        (
          "random weights", withoutLeaks.accuracies.randomWeights,
          withoutLeaks.intervals.randomWeights
        ),
        ("raw pixels", withoutLeaks.accuracies.rawPixels, withoutLeaks.intervals.rawPixels),
      ] {
        lines.append(row(name, accuracies(figures, intervals)))
      }
    }
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

  private static func text(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private static func row(
    _ name: String, _ cells: [String], widths: [Int] = [14, 14, 17, 16]
  ) -> String {
    zip(cells, widths).reduce(name.padding(toLength: 18, withPad: " ", startingAt: 0)) {
      $0 + String(repeating: " ", count: max($1.1 - $1.0.count, 1)) + $1.0
    }
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

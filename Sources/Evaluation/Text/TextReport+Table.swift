import Files
import Foundation

extension TextReport {
  /// One line of JSON.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// The figures as tables.
  public var table: String {
    var lines = [count.counted("prompt") + (skipped > 0 ? ", \(skipped) too long and skipped" : "")]
    let steps = exactMatchBySteps.keys.compactMap { Int($0) }.sorted()
    lines += ["", "exact match after so many steps of plain descent (1*: one full step)"]
    lines.append(
      Self.row(
        "difficulty", ["count", "1*"] + steps.map(String.init) + ["planned", "evaluations"]))
    for score in byDifficulty {
      lines.append(
        Self.row(
          "\(score.difficulty)",
          ["\(score.count)", Self.percent(score.firstGuess)]
            + steps.map { Self.percent(score.exactMatchBySteps["\($0)"]) }
            + [Self.percent(score.exactMatch), String(format: "%.1f", score.meanEvaluations)]))
    }
    lines.append(
      Self.row(
        "all",
        ["\(count)", Self.percent(firstGuess)]
          + steps.map { Self.percent(exactMatchBySteps["\($0)"]) }
          + [Self.percent(planner.exactMatch), ""]))

    lines += [
      "",
      "verified: \(Self.percent(verified.share)) % of the answers, "
        + "\(Self.percent(verified.accuracy)) % of these right; "
        + "\(Self.percent(verified.accuracyOfOthers)) % of the others",
      "AUROC of the energy: one symbol wrong \(Self.figure(auroc.nearMiss)), "
        + "another prompt's \(Self.figure(auroc.shuffled)), "
        + "own wrong \(Self.figure(auroc.ownWrong)) (\(auroc.ownWrongCount))",
      "",
    ]
    let methods = [("planner", planner)] + baselines.sorted { $0.key < $1.key }
    let hardest = byDifficulty.last.map { "\($0.difficulty)" }
    lines.append(
      Self.row(
        "method", ["exact", "hardest", "ms/item", "MFLOP/item", "hardest"], width: 16))
    for (name, score) in methods {
      lines.append(
        Self.row(
          name,
          [
            Self.percent(score.exactMatch),
            Self.percent(hardest.flatMap { score.exactMatchByDifficulty[$0] }),
            String(format: "%.2f", score.millisecondsPerItem),
            Self.mega(score.operationsPerItem),
            Self.mega(hardest.flatMap { score.operationsByDifficulty[$0] }),
          ], width: 16))
    }
    lines += curveLines
    return lines.joined(separator: "\n")
  }

  /// Every method from cheap to dear, by difficulty.
  private var curveLines: [String] {
    guard let curves else { return [] }
    let difficulties = byDifficulty.map { "\($0.difficulty)" }
    var lines = [
      "",
      "exact match by difficulty, with so many samples or steps at most; MFLOP and ms for a prompt",
      Self.row(
        "method", ["at most"] + difficulties + ["all", "MFLOP", "hardest", "ms"], width: 16),
    ]
    for curve in curves {
      for point in curve.points {
        let score = point.score
        lines.append(
          Self.row(
            curve.method,
            ["\(point.setting)"]
              + difficulties.map { Self.percent(score.exactMatchByDifficulty[$0]) }
              + [
                Self.percent(score.exactMatch), Self.mega(score.operationsPerItem),
                Self.mega(difficulties.last.flatMap { score.operationsByDifficulty[$0] }),
                String(format: "%.2f", score.millisecondsPerItem),
              ], width: 16))
      }
    }
    return lines
  }

  private static func mega(_ operations: Double?) -> String {
    operations.map { String(format: "%.1f", $0 / 1e6) } ?? "-"
  }

  private static func row(_ name: String, _ columns: [String], width: Int = 10) -> String {
    columns.reduce(name.padding(toLength: max(width, name.count), withPad: " ", startingAt: 0)) {
      let column = max(8, $1.count + 2)
      return $0 + String(repeating: " ", count: column - $1.count) + $1
    }
  }

  private static func percent(_ share: Double?) -> String {
    share.map { String(format: "%.1f", 100 * $0) } ?? "-"
  }

  private static func figure(_ auroc: Double?) -> String {
    auroc.map { String(format: "%.4f", $0) } ?? "-"
  }
}

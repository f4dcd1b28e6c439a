import Foundation
import Frames

/// Everything that is known of a clip after it was scored.
public struct ConsistencyReport: Sendable {
  /// The clip, as it was named.
  public let input: String
  public let framesPerSecond: Double?
  /// Every statistic of every frame.
  public let table: FrameTable
  /// The log-odds of a break at each frame, by the rule alone.
  public let logOdds: [Float]
  /// The log-odds above which a frame is flagged.
  public let threshold: Float
  public let verdict: ConsistencyVerdict
  public let claim: FalseAlarmClaim
  /// What names the model's weights.
  public let model: String
  /// What was wrong with the file itself.
  public let problems: FrameProblems
  /// What the calibration's clean clips hold, so that it is not flagged.
  public let ordinary: Set<ConsistencyVerdict.ExactRule>

  public init(
    input: String, framesPerSecond: Double?, table: FrameTable, logOdds: [Float],
    threshold: Float, verdict: ConsistencyVerdict, claim: FalseAlarmClaim, model: String,
    problems: FrameProblems, ordinary: Set<ConsistencyVerdict.ExactRule> = []
  ) {
    self.input = input
    self.framesPerSecond = framesPerSecond
    self.table = table
    self.logOdds = logOdds
    self.threshold = threshold
    self.verdict = verdict
    self.claim = claim
    self.model = model
    self.problems = problems
    self.ordinary = ordinary
  }

  /// What each frame is flagged by where it is above 0 (`ConsistencyVerdict.scores`).
  public var scores: [Float] { verdict.scores }

  /// What is flagged.
  public var ranges: [ConsistencyRange] { verdict.ranges }

  /// Whether anything is flagged.
  public var isFlagged: Bool { !ranges.isEmpty }

  /// The share of frames that are not flagged, 0…1: how consistent the clip is on the whole.
  public var consistency: Double {
    guard !scores.isEmpty else { return 1 }
    return 1 - Double(verdict.isFlagged.count { $0 }) / Double(scores.count)
  }
}

// MARK: For people

extension ConsistencyReport {
  /// The flagged ranges as a table, with a line of the whole before it and the claim after.
  public var text: String {
    var lines = [summary]
    if !ranges.isEmpty {
      lines.append("")
      lines.append(
        Self.row("frames", "time", "score", "looks like", "decided by"))
      for range in ranges {
        lines.append(
          Self.row(
            range.start == range.end ? "\(range.start)" : "\(range.start)-\(range.end)",
            Self.clock(range.startSeconds), String(format: "%.2f", range.score),
            range.kind.rawValue, range.statistic.words))
      }
      lines.append("")
    }
    lines += notes
    for problem in problems.first.prefix(5) { lines.append("\(problem)") }
    if problems.count > 5 { lines.append("\(problems.count - 5) more problems of the file") }
    return lines.joined(separator: "\n")
  }

  /// What can be claimed, and what is not flagged or cannot be seen.
  public var notes: [String] {
    var lines = ["\(claim)"]
    if !ordinary.isEmpty {
      let names = ordinary.map { $0 == .cut ? "cuts" : "repeated frames" }.sorted()
      lines.append(
        "not flagged, for the calibration's clean clips have some: "
          + names.joined(separator: " and "))
    }
    if verdict.stillShare == 1 {
      lines.append(
        "little moves: whether frames are missing, repeated or in another order can hardly be seen")
    } else if verdict.stillShare >= 0.25 {
      lines.append(
        String(
          format:
            "little moves around %.0f %% of the frames: what is missing or repeated there can hardly be seen",
          100 * verdict.stillShare))
    }
    if let cadence = verdict.cadence {
      lines.append(
        "native cadence, not flagged: \(cadence.repeatsPerPeriod) of \(cadence.period) frames repeat the "
          + String(format: "one before, %.1f %% of the clip", 100 * cadence.share))
    }
    return lines
  }

  /// One line: the clip, how much of it is consistent, and how many ranges are not.
  public var summary: String { "\(input): \(findings)" }

  /// The summary without the clip's name.
  public var findings: String {
    let length = duration.map { ", \(Self.clock($0))" } ?? ""
    let found =
      ranges.isEmpty
      ? "nothing flagged" : "\(ranges.count) range\(ranges.count == 1 ? "" : "s") flagged"
    let damage =
      problems.damageCount > 0
      ? "; damaged"
        + (problems.first.first { $0.kind.isDamage }.map {
          String(format: " from %.3f s", $0.seconds)
        } ?? "")
      : ""
    let still = verdict.stillShare == 1 ? "; little moves" : ""
    return "\(table.count) frames\(length): \(found), "
      + String(format: "%.2f %% of frames consistent", 100 * consistency) + still + damage
  }

  /// How long the frames are shown, in seconds: from the first to the last, and once more as long as they are apart on
  /// average; nil for fewer than two.
  var duration: Double? {
    guard let first = table.seconds.first, let last = table.seconds.last, table.count > 1 else {
      return nil
    }
    return (last - first) * Double(table.count) / Double(table.count - 1)
  }

  private static func row(_ columns: String...) -> String {
    let widths = [13, 12, 8, 22, 0]
    return zip(columns, widths).enumerated().map { place, cell in
      let (text, width) = cell
      let padding = String(repeating: " ", count: max(0, width - text.count))
      return place < 3 ? padding + text + "  " : text + padding
    }.joined().trimmingCharacters(in: .newlines)
  }

  /// `1:03.250`
  package static func clock(_ seconds: Double) -> String {
    let minutes = Int(seconds / 60)
    return String(format: "%d:%06.3f", minutes, seconds - Double(60 * minutes))
  }
}

import Foundation

/// Which frames of a clip are flagged, why, and what is left alone because the clip was made so.
///
/// A frame is flagged where the rule's score is above the threshold, and, whatever that is, where one of two
/// exact rules holds: a cut (`CutDetector`), or a frame that is the one before again while others around it
/// move. Repeats that belong to a native cadence are no fault.
public struct ConsistencyVerdict: Sendable {
  /// An exact rule that has a say beside the score.
  public enum ExactRule: String, Codable, Sendable, CaseIterable {
    case cut = "isCut"
    case repeated = "isRepeat"

    var kind: BreakKind { self == .cut ? .cut : .duplicate }
  }

  /// One flagged frame.
  struct Flag {
    let row: Int
    let kind: BreakKind
    /// Log-odds above the threshold; of an exact rule at least 1.
    let score: Float
    let statistic: String
  }

  let flags: [Flag]
  /// The frames' native cadence, where they have one.
  public let cadence: CadenceSummary?
  public let ranges: [ConsistencyRange]
  /// For each frame whether it is flagged.
  public let isFlagged: [Bool]

  /// Frames move where the median pixel difference around them is above this, in grey levels.
  private static let leastMotion: Float = 0.5

  /// - Parameters:
  ///   - judgements: of every frame of `table`.
  ///   - threshold: above which a score flags.
  ///   - ignored: exact rules that have no say, for what they look for is usual at this source.
  init(
    _ table: FrameTable, judgements: [ConsistencyRule.Judgement], threshold: Float,
    ignoring ignored: Set<ExactRule> = []
  ) {
    let (native, cadence) = Self.nativeRepeats(of: table)
    self.cadence = cadence
    let exact = Self.exactFindings(in: table, native: native)
    var flags: [Flag] = []
    for (row, judgement) in judgements.enumerated() {
      let found = exact[row].filter { !ignored.contains($0) }
      if let rule = found.first {
        flags.append(
          Flag(
            row: row, kind: rule.kind, score: max(1, judgement.score - threshold),
            statistic: rule == .cut ? "shotSeparation" : "pixelDifference"))
      } else if judgement.score > threshold,
        !(Self.isOfTiming(judgement.kind) && Self.isBeside(native, row))
      {
        flags.append(
          Flag(
            row: row, kind: judgement.kind, score: judgement.score - threshold,
            statistic: judgement.statistic))
      }
    }
    self.flags = flags
    var isFlagged = [Bool](repeating: false, count: table.count)
    for flag in flags { isFlagged[flag.row] = true }
    self.isFlagged = isFlagged
    ranges = ConsistencyRange.ranges(of: flags, in: table)
  }

  /// Rows that an exact rule flags.
  private static func exactFindings(in table: FrameTable, native: [Bool]) -> [[ExactRule]] {
    let (cuts, repeats) = (table["isCut"], table["isRepeat"])
    let differences = table["pixelDifference"]
    return (0..<table.count).map { row in
      if cuts[row] == 1 { return [.cut] }
      guard repeats[row] == 1, !isBeside(native, row) else { return [] }
      // A scene that stands still repeats itself all the time.
      let around = (max(0, row - 4)...min(table.count - 1, row + 4)).filter { $0 != row }
        .map { differences[$0] }.filter(\.isFinite).sorted()
      return !around.isEmpty && around[around.count / 2] >= leastMotion ? [.repeated] : []
    }
  }

  private static func nativeRepeats(of table: FrameTable) -> ([Bool], CadenceSummary?) {
    var (detector, count) = (CadenceDetector(), CadenceCount())
    var verdicts: [CadenceDetector.Verdict] = []
    for difference in table["pixelDifference"] {
      if let verdict = detector.push(difference.isNaN ? nil : Double(difference)) {
        verdicts.append(verdict)
      }
    }
    verdicts += detector.finish()
    for verdict in verdicts { count.add(verdict) }
    return (verdicts.map { $0.nativePeriod != nil }, count.summary)
  }

  /// What a cadence looks like to a rule that does not know of it.
  private static func isOfTiming(_ kind: BreakKind) -> Bool {
    kind == .duplicate || kind == .dropped || kind == .order
  }

  private static func isBeside(_ native: [Bool], _ row: Int) -> Bool {
    (max(0, row - 1)...min(native.count - 1, row + 1)).contains { native[$0] }
  }
}

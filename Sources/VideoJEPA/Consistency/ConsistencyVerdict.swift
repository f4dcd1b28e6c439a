import Foundation

/// Which frames of a clip are flagged, why, and what is left alone because the clip was made so.
///
/// A frame is flagged where the rule's log-odds are above the threshold, and, whatever they are, where one of two
/// exact rules holds: a cut (`CutDetector`), or a frame that is the one before again while others around it
/// move (`FreezeDetector`, where several are). Repeats that belong to a native cadence are no fault.
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
    let score: Float
    let statistic: Statistic
    /// Whether an exact rule flags it.
    let isExact: Bool
  }

  /// For each frame the log-odds of a break, less the threshold: above 0 is flagged. Where an exact rule holds at
  /// least 1; a native repeat has 0 at most.
  public let scores: [Float]
  /// The frames' native cadence, where they have one.
  public let cadence: CadenceSummary?
  public let ranges: [ConsistencyRange]
  /// For each frame whether it lies in a range.
  public let isFlagged: [Bool]
  /// The exact rules that hold anywhere, those that have no say among them, and the rows in which they do.
  public let exactRows: [(row: Int, rule: ExactRule)]
  /// For each frame whether its score is never above 0: what belongs to a native cadence, or is usual at this source.
  public let isLeftAlone: [Bool]
  /// The share of frames that are not flagged around which nothing moves, 0…1: there it cannot be seen that one is
  /// missing or repeated.
  public let stillShare: Double

  /// Frames move where the median pixel difference around them is above this, in grey levels.
  private static let leastMotion: Float = 0.5

  /// - Parameters:
  ///   - judgements: of every frame of `table`.
  ///   - threshold: above which a score flags.
  ///   - ignored: exact rules that have no say, for what they look for is usual at this source.
  package init(
    _ table: FrameTable, judgements: [ConsistencyRule.Judgement], threshold: Float,
    ignoring ignored: Set<ExactRule> = []
  ) {
    let (native, cadence) = Self.nativeRepeats(of: table)
    self.cadence = cadence
    let motion = Self.motion(in: table, native: native)
    let exact = Self.exactFindings(in: table, motion: motion, native: native)
    exactRows = exact.enumerated().compactMap { row, rule in rule.map { (row, $0) } }
    // What is usual here echoes in the rule's score, too.
    var isLeftAlone = judgements.enumerated().map { row, judgement in
      Self.isOfTiming(judgement.kind) && Self.isBeside(native, row)
    }
    for (row, rule) in exactRows where ignored.contains(rule) {
      for near in Self.echo(of: row, in: table.count) { isLeftAlone[near] = true }
    }
    self.isLeftAlone = isLeftAlone
    var flags: [Flag] = []
    var scores: [Float] = []
    for (row, judgement) in judgements.enumerated() {
      var score = judgement.score - threshold
      if let rule = exact[row], !ignored.contains(rule) {
        score = max(1, score)
        flags.append(
          Flag(
            row: row, kind: rule.kind, score: score,
            statistic: rule == .cut ? .shotSeparation : .pixelDifference(.mean), isExact: true))
      } else if isLeftAlone[row] {
        score = min(0, score)
      } else if score > 0 {
        flags.append(
          Flag(
            row: row, kind: judgement.kind, score: score, statistic: judgement.statistic,
            isExact: false))
      }
      scores.append(score)
    }
    self.scores = scores
    let found = ConsistencyRange.ranges(of: flags, in: table)
    ranges = found.map(\.range)
    var isFlagged = [Bool](repeating: false, count: table.count)
    for row in found.flatMap(\.rows) { isFlagged[row] = true }
    self.isFlagged = isFlagged
    let others = motion.indices.filter { !isFlagged[$0] }
    stillShare =
      Double(others.count { motion[$0] < Self.leastMotion }) / Double(max(1, others.count))
  }

  /// For each frame the median pixel difference of the four before or of the four after, native repeats left out,
  /// whichever is less, in grey levels.
  private static func motion(in table: FrameTable, native: [Bool]) -> [Float] {
    let differences = table[.pixelDifference(.mean)]
    func median(_ rows: Range<Int>) -> Float? {
      rows.clamped(to: 0..<table.count).filter { !native[$0] && differences[$0].isFinite }
        .map { differences[$0] }.upperMedian
    }
    return (0..<table.count).map { row in
      [median(row - 4..<row), median(row + 1..<row + 5)].compactMap { $0 }.min() ?? 0
    }
  }

  /// For each row the exact rule that flags it.
  private static func exactFindings(
    in table: FrameTable, motion: [Float], native: [Bool]
  ) -> [ExactRule?] {
    let (differences, repeats) = (table[.pixelDifference(.mean)], table[.isRepeat])
    let cuts = table[.isCut].enumerated().map { row, isCut in
      isCut == 1 && CutDetector.standsApart(at: row, differences: differences, isNative: native)
    }
    var found: [ExactRule?] = (0..<table.count).map { row in
      if cuts[row] { return .cut }
      // A scene that stands still repeats itself all the time.
      let isRepeated = repeats[row] == 1 && !isBeside(native, row) && motion[row] >= leastMotion
      return isRepeated ? .repeated : nil
    }
    let freezes = FreezeDetector.freezes(
      in: differences, isCut: { cuts[$0] }, isFading: table.isFading(at:), leastMotion: leastMotion)
    for rows in freezes where !rows.allSatisfy({ isBeside(native, $0) }) {
      for row in rows { found[row] = .repeated }
    }
    return found
  }

  private static func nativeRepeats(of table: FrameTable) -> ([Bool], CadenceSummary?) {
    let verdicts = CadenceDetector.verdicts(
      on: table[.pixelDifference(.mean)].map { $0.isNaN ? nil : Double($0) })
    var count = CadenceCount()
    for verdict in verdicts { count.add(verdict) }
    return (verdicts.map { $0.nativePeriod != nil }, count.summary)
  }

  /// The rows in whose score a find of an exact rule is heard.
  package static func echo(of row: Int, in count: Int) -> ClosedRange<Int> {
    max(0, row - 3)...min(count - 1, row + 3)
  }

  /// What a cadence looks like to a rule that does not know of it.
  private static func isOfTiming(_ kind: BreakKind) -> Bool {
    kind == .duplicate || kind == .dropped || kind == .order
  }

  private static func isBeside(_ native: [Bool], _ row: Int) -> Bool {
    (max(0, row - 1)...min(native.count - 1, row + 1)).contains { native[$0] }
  }
}

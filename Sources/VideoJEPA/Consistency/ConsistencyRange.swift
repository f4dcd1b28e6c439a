/// Frames in a row that are flagged.
public struct ConsistencyRange: Codable, Sendable, Equatable {
  /// The first and the last frame, as places in the input.
  public var start: Int
  public var end: Int
  public var startSeconds: Double
  public var endSeconds: Double
  public var kind: BreakKind
  /// The highest score of a frame: the log-odds of a break, less the threshold.
  public var score: Float
  /// The statistic that decided.
  public var statistic: Statistic
  /// What explains the step to the strongest frame best, by the distances between pixels: it also says about how many
  /// frames were skipped. nil where six frames are not at hand.
  public var hypothesis: TransitionHypothesis?

  /// Flagged frames this close together are one range.
  static let reach = 2
  /// At the ends of a range, frames with less than this share of its highest score are only beside the break.
  static let leastShare: Float = 0.35

  /// A cut and what lies between two frames are places; where more rows than these are flagged, more is broken.
  static let mostRowsOfAPlace = 5

  /// The ranges of a clip, and the rows of the table that each covers.
  ///
  /// A cut that an exact rule found is a range of its own; what else is flagged within `reach` of it is its own
  /// echo, unless it is exact, too.
  static func ranges(
    of flags: [ConsistencyVerdict.Flag], in table: FrameTable
  ) -> [(range: ConsistencyRange, rows: ClosedRange<Int>)] {
    func isCut(_ flag: ConsistencyVerdict.Flag) -> Bool { flag.isExact && flag.kind == .cut }
    let cuts = flags.filter(isCut).map(\.row)
    // The first cut that an echo could be of: flags come in order, and so do cuts.
    var nextCut = 0
    var groups: [[ConsistencyVerdict.Flag]] = []
    for flag in flags {
      while nextCut < cuts.count, cuts[nextCut] < flag.row - reach { nextCut += 1 }
      let isEcho = nextCut < cuts.count && cuts[nextCut] <= flag.row + reach && !flag.isExact
      guard !isEcho else { continue }
      if let last = groups.last?.last, !isCut(last), !isCut(flag), flag.row - last.row <= reach {
        groups[groups.count - 1].append(flag)
      } else {
        groups.append([flag])
      }
    }
    return groups.map { flags in
      let highest = flags.map(\.score).max()!
      // What an exact rule says it is, or else most of the evidence: where the break is strongest counts most.
      let kind =
        flags.first { $0.isExact }?.kind
        ?? BreakKind.allCases.max { left, right in
          func votes(_ kind: BreakKind) -> Float {
            flags.filter { $0.kind == kind }.reduce(0) { $0 + $1.score * $1.score }
          }
          return votes(left) < votes(right)
        }!
      let peak = flags.filter { $0.kind == kind }.max {
        ($0.isExact ? 1 : 0, $0.score) < ($1.isExact ? 1 : 0, $1.score)
      }!
      // A cut, and what lies between two frames, is one place: the first frame after it.
      let isPlace =
        (kind == .cut || kind == .dropped) && flags.count <= mostRowsOfAPlace
      let inside = flags.filter { $0.isExact || $0.score >= leastShare * highest }
      let rows = isPlace ? peak.row...peak.row : inside.first!.row...inside.last!.row
      let range = ConsistencyRange(
        start: table.indices[rows.lowerBound], end: table.indices[rows.upperBound],
        startSeconds: table.seconds[rows.lowerBound], endSeconds: table.seconds[rows.upperBound],
        kind: kind, score: highest, statistic: peak.statistic,
        hypothesis: explanation(of: peak.row, in: table))
      return (range, rows)
    }
  }

  /// The hypothesis with the lowest energy.
  private static func explanation(of row: Int, in table: FrameTable) -> TransitionHypothesis? {
    let energies = TransitionHypothesis.allCases.compactMap {
      hypothesis -> (TransitionHypothesis, Float)? in
      let misfit = Statistic.misfit(hypothesis, .pixels)
      guard table.statistics.contains(misfit) else { return nil }
      let energy = table.value(of: misfit, at: row)
      return energy.isFinite ? (hypothesis, energy) : nil
    }
    return energies.min { $0.1 < $1.1 }?.0
  }
}

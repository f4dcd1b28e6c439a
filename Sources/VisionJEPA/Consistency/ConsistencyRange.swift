/// Frames in a row that are flagged.
public struct ConsistencyRange: Codable, Sendable, Equatable {
  /// The first and the last frame, as places in the input.
  public var start: Int
  public var end: Int
  public var startSeconds: Double
  public var endSeconds: Double
  public var kind: BreakKind
  /// The highest score, in log-odds above the threshold.
  public var score: Float
  /// The statistic that decided.
  public var statistic: String

  /// Flagged frames this close together are one range.
  static let reach = 2

  /// The ranges of a clip.
  static func ranges(
    of flags: [ConsistencyVerdict.Flag], in table: FrameTable
  ) -> [ConsistencyRange] {
    var groups: [[ConsistencyVerdict.Flag]] = []
    for flag in flags {
      if let last = groups.last?.last, flag.row - last.row <= reach {
        groups[groups.count - 1].append(flag)
      } else {
        groups.append([flag])
      }
    }
    return groups.map { flags in
      // What most of the evidence says it is.
      var votes: [BreakKind: Float] = [:]
      for flag in flags { votes[flag.kind, default: 0] += flag.score + 0.5 }
      let kind = BreakKind.allCases.max { votes[$0, default: 0] < votes[$1, default: 0] }!
      let peak = flags.filter { $0.kind == kind }.max { $0.score < $1.score }!
      // A cut, and what lies between two frames, is one place: the first frame after it.
      let isPlace = kind == .cut || kind == .dropped
      let (first, last) = isPlace ? (peak.row, peak.row) : (flags.first!.row, flags.last!.row)
      return ConsistencyRange(
        start: table.indices[first], end: table.indices[last],
        startSeconds: table.seconds[first], endSeconds: table.seconds[last], kind: kind,
        score: flags.map(\.score).max()!, statistic: peak.statistic)
    }
  }
}

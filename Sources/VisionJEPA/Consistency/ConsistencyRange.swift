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
  ///
  /// - Parameters:
  ///   - judgements: of every frame of `table`.
  ///   - threshold: above which a frame is flagged.
  static func ranges(
    of table: FrameTable, judgements: [ConsistencyRule.Judgement], threshold: Float
  ) -> [ConsistencyRange] {
    let flagged = judgements.indices.filter { judgements[$0].score > threshold }
    var groups: [[Int]] = []
    for row in flagged {
      if let last = groups.last?.last, row - last <= reach {
        groups[groups.count - 1].append(row)
      } else {
        groups.append([row])
      }
    }
    return groups.map { rows in
      // What most of the evidence says it is.
      var votes: [BreakKind: Float] = [:]
      for row in rows {
        votes[judgements[row].kind, default: 0] += judgements[row].score - threshold + 0.5
      }
      let kind = BreakKind.allCases.max { votes[$0, default: 0] < votes[$1, default: 0] }!
      let ofKind = rows.filter { judgements[$0].kind == kind }
      let peak = ofKind.max { judgements[$0].score < judgements[$1].score }!
      // A cut, and what lies between two frames, is one place: the first frame after it.
      let isPlace = kind == .cut || kind == .dropped
      let (first, last) = isPlace ? (peak, peak) : (rows.first!, rows.last!)
      return ConsistencyRange(
        start: table.indices[first], end: table.indices[last],
        startSeconds: table.seconds[first], endSeconds: table.seconds[last], kind: kind,
        score: rows.map { judgements[$0].score }.max()! - threshold,
        statistic: judgements[peak].statistic)
    }
  }
}

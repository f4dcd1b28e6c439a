import Frames

/// The statistics of a clip, the faults that were put into it, and what of it is clean.
package struct LabelledClip: Sendable {
  /// Where the clip comes from: what is learned on one source is tested on others.
  package let source: String
  package let table: FrameTable
  /// The faults that can be judged: none beside a cut of the clip's own.
  package let events: [LabelledEvent]
  /// Whether faults were put into it.
  package let isBroken: Bool
  /// For each row the frame of the clean clip that it shows; nil where it shows none of them.
  package let origins: [Int?]
  /// Rows that no fault and no cut of the clip's own reaches.
  package let cleanRows: [Int]

  /// - Parameter nativeCuts: first frames of new shots in the clean clip.
  package init(
    source: String, table: FrameTable, labels: [FaultLabel], origins: [Int?], nativeCuts: [Int]
  ) {
    self.source = source
    self.table = table
    self.origins = origins
    isBroken = !labels.isEmpty
    let cutRows = nativeCuts.compactMap { cut in origins.firstIndex { ($0 ?? -1) >= cut } }
    let margin = LabelledEvent.margin
    func isNearCut(_ rows: ClosedRange<Int>) -> Bool {
      cutRows.contains { (rows.lowerBound - margin...rows.upperBound + margin).contains($0) }
    }
    var reached = Set<Int>()
    for rows in cutRows.map({ $0...$0 }) + labels.map({ $0.start...$0.end }) {
      reached.formUnion(rows.lowerBound - margin...rows.upperBound + margin)
    }
    cleanRows = (0..<table.count).filter { !reached.contains($0) }
    events = labels.map { LabelledEvent(fault: $0.kind, rows: $0.start...$0.end) }
      .filter { !isNearCut($0.rows) && $0.found.upperBound < table.count }
  }

  /// How much moves around an event: the median pixel difference of the clean rows nearby, in grey levels.
  package func motion(around event: LabelledEvent) -> Float {
    let near = event.rows.lowerBound - 20...event.rows.upperBound + 20
    return cleanRows.filter { near.contains($0) }
      .map { table.value(of: .pixelDifference(.mean), at: $0) }.filter(\.isFinite).upperMedian ?? 0
  }
}

extension FaultKind {
  /// What a rule is to call it.
  package var breakKind: BreakKind {
    switch self {
    case .swap, .shuffle3, .shuffle5: .order
    case .drop1, .drop2, .drop4, .drop8: .dropped
    case .duplicate, .noisyDuplicate, .noisyFreeze: .duplicate
    case .splice: .cut
    case .block: .damage
    case .flash: .flash
    case .teleport, .vanish, .morph, .occlusion, .turn, .backwards: .local
    }
  }
}

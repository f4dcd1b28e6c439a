import VisionJEPA

/// A fault that was put into a clip, and where.
public struct LabelledEvent: Sendable, Equatable {
  /// The fault's name, such as `drop2`.
  public let fault: String
  /// What a rule should call it.
  public let kind: BreakKind
  /// The rows of the table in which it shows.
  public let rows: Range<Int>

  public init(fault: String, kind: BreakKind, rows: Range<Int>) {
    self.fault = fault
    self.kind = kind
    self.rows = rows
  }

  /// Frames beside an event that are neither broken nor clean: their neighbours are broken.
  static let margin = 6

  /// Rows that a detector may be right or wrong about without being counted.
  var surroundings: Range<Int> {
    max(0, rows.lowerBound - Self.margin)..<rows.upperBound + Self.margin
  }
}

/// The statistics of a clip with the faults that were put into it; none for a clean one.
public struct LabelledClip: Sendable {
  /// Where the clip comes from: what is learned on one source is tested on others.
  public let source: String
  public let table: FrameTable
  public let events: [LabelledEvent]

  public init(source: String, table: FrameTable, events: [LabelledEvent] = []) {
    self.source = source
    self.table = table
    self.events = events
  }

  /// The rows that no event reaches.
  var cleanRows: [Int] {
    let reached = events.reduce(into: Set<Int>()) { $0.formUnion($1.surroundings) }
    return (0..<table.count).filter { !reached.contains($0) }
  }
}

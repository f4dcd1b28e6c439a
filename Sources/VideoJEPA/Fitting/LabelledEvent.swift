import Frames

/// A fault that was put into a clip, as rows of the table of its statistics.
package struct LabelledEvent: Sendable {
  package let fault: FaultKind
  /// The rows in which it shows: the first and the last frame out of place.
  package let rows: ClosedRange<Int>

  /// Frames beside an event that are neither broken nor clean: their neighbours are broken.
  package static let margin = 6

  /// Rows in which a flag finds the event: within one frame.
  package var found: ClosedRange<Int> { rows.lowerBound - 1...rows.upperBound + 1 }
}

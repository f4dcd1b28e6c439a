extension FrameTable {
  /// Whether the whole picture changes its light in a row: its mean colour shifts by at least 0.7 of what its pixels
  /// change by, and by more than 0.3 grey levels. Motion changes pixels up and down, and the mean little.
  package func isFading(at row: Int) -> Bool {
    let (shift, difference) = (
      value(of: .colorShift, at: row), value(of: .pixelDifference(.mean), at: row)
    )
    return shift > 0.3 && shift >= 0.7 * difference
  }
}

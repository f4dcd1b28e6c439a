extension Collection where Element: BinaryFloatingPoint {
  /// The middle value, of two in the middle the upper one; nil of nothing.
  package var upperMedian: Element? {
    let sorted = self.sorted()
    return sorted.isEmpty ? nil : sorted[sorted.count / 2]
  }
}

import Foundation

/// Round places along an axis, and what is written there.
package enum AxisTicks {
  /// Multiples of 1, 2 or 5 times a power of ten.
  ///
  /// - Parameters:
  ///   - most: how many at most, 2 or more.
  ///   - isWhole: whether only whole numbers are wanted.
  /// - Returns: none where the range is a single value or not finite.
  package static func values(
    in range: ClosedRange<Double>, most: Int, isWhole: Bool = false
  ) -> [Double] {
    let length = range.upperBound - range.lowerBound
    guard length > 0, length.isFinite else { return [] }
    var power = pow(10, log10(length / Double(most)).rounded(.down))
    if isWhole { power = max(power, 1) }
    for factor in [1.0, 2, 5, 10, 20] {
      let step = power * factor
      let first = (range.lowerBound / step).rounded(.up)
      let count = Int((range.upperBound / step).rounded(.down) - first) + 1
      if count <= most {
        // Multiplied each, so that nothing adds up; adding 0 takes the sign off a zero.
        return (0..<max(count, 0)).map { (first + Double($0)) * step + 0 }
      }
    }
    return []
  }

  /// To three digits, or as many more as tell neighbours apart.
  package static func labels(of values: [Double]) -> [String] {
    for digits in 3...8 {
      let labels = values.map { String(format: "%.\(digits)g", $0) }
      if digits == 8 || Set(labels).count == values.count { return labels }
    }
    return []
  }

  /// `1:03.25`: as `ConsistencyReport.clock`, to hundredths and without zeros at the end.
  package static func time(_ seconds: Double) -> String {
    let hundredths = (abs(seconds) * 100).rounded() / 100
    var text = ConsistencyReport.clock(hundredths)
    while text.hasSuffix("0") && text.contains(".") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return (seconds < 0 && hundredths > 0 ? "-" : "") + text
  }

  /// The rows of a clip at round frame numbers.
  ///
  /// - Parameter indices: of the clip's frames, ascending.
  package static func rows(of indices: [Int], most: Int) -> [Int] {
    guard let first = indices.first, let last = indices.last else { return [] }
    guard first < last else { return [0] }
    var rows: [Int] = []
    var row = 0
    for value in values(in: Double(first)...Double(last), most: most, isWhole: true) {
      while row < indices.count - 1 && indices[row] < Int(value) { row += 1 }
      if rows.last != row { rows.append(row) }
    }
    return rows
  }
}

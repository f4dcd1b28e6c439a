import Foundation

/// How many times as large as its surroundings each value of a series is, as many values late as the window reaches:
///
///     log((x + floor) / (median + floor))
///
/// with the median over the values 1 to `reach` places away. Where there is no value (nil) there is no result, and none
/// of the others counts it. At both ends of the series the window holds what there is.
public struct SeriesWindow: Sendable {
  public let reach: Int
  /// Above 0, in the series' unit.
  public let floor: Double
  private var values: [Double?] = []
  /// How many values came before those in `values`.
  private var dropped = 0
  private var finished = 0

  public init(reach: Int = 4, floor: Double) {
    self.reach = reach
    self.floor = floor
  }

  /// Takes the next value. The result is that of the value `reach` places before it; nil while there
  /// is no such value.
  public mutating func push(_ value: Double?) -> Result? {
    values.append(value)
    guard dropped + values.count > reach else { return nil }
    return nextResult()
  }

  /// The results of the last values, and a window that can begin anew.
  public mutating func finish() -> [Result] {
    var results: [Result] = []
    while finished < dropped + values.count { results.append(nextResult()) }
    self = SeriesWindow(reach: reach, floor: floor)
    return results
  }

  /// A result, which is nothing where there was no value or nothing to compare it with.
  public struct Result: Sendable, Equatable {
    public let value: Double?
  }

  private mutating func nextResult() -> Result {
    defer {
      finished += 1
      if finished - reach > dropped {
        values.removeFirst()
        dropped += 1
      }
    }
    let place = finished - dropped
    guard let value = values[place] else { return Result(value: nil) }
    guard let median = Self.median(around(place)) else { return Result(value: nil) }
    return Result(value: log((value + floor) / (median + floor)))
  }

  private func around(_ place: Int) -> [Double] {
    (1...reach).flatMap { distance in
      [place - distance, place + distance].compactMap { other in
        values.indices.contains(other) ? values[other] : nil
      }
    }
  }

  /// The middle value, or the mean of the two in the middle; nil of nothing.
  static func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

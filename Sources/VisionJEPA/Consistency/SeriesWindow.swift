import Foundation

/// Compares each value of a series with the values around it, as many values late as the window
/// reaches.
///
/// Where there is no value (nil) there is no result, and none of the others counts it. At both ends
/// of the series the window holds what there is.
public struct SeriesWindow: Sendable {
  public enum Measure: Sendable, Equatable {
    /// log((x + floor) / (median + floor)), the median over the values 1 to `reach` places away: how
    /// many times as large as its surroundings a value is. The floor, above 0, is in the series' unit.
    case localLogRatio(reach: Int, floor: Double)
    /// (y - median) / (MAD + 0.12) of y = log(x + floor), over the values more than `gap` and at most
    /// `reach` places away; MAD is the median absolute deviation from the median. A value is judged
    /// by how much its surroundings vary.
    case robustScore(reach: Int, gap: Int, floor: Double)

    /// The local ratio of RECIPES: against the median of 4 values to each side.
    public static func localLogRatio(floor: Double) -> Measure {
      .localLogRatio(reach: 4, floor: floor)
    }

    /// The robust score over 14 values to each side without the nearest 2.
    public static func robustScore(floor: Double) -> Measure {
      .robustScore(reach: 14, gap: 2, floor: floor)
    }

    var reach: Int {
      switch self {
      case .localLogRatio(let reach, _), .robustScore(let reach, _, _): reach
      }
    }
  }

  /// What the deviation of a robust score is never below, in units of the logarithm.
  static let leastDeviation = 0.12

  public let measure: Measure
  private var values: [Double?] = []
  /// How many values came before those in `values`.
  private var dropped = 0
  private var finished = 0

  public init(_ measure: Measure) {
    self.measure = measure
  }

  /// How many values later a result comes.
  public var delay: Int { measure.reach }

  /// How many values are held.
  var heldCount: Int { values.count }

  /// Takes the next value. The result is that of the value `delay` places before it; nil while there
  /// is no such value.
  public mutating func push(_ value: Double?) -> Result? {
    values.append(value)
    guard dropped + values.count > measure.reach else { return nil }
    return nextResult()
  }

  /// The results of the last values, and a window that can begin anew.
  public mutating func finish() -> [Result] {
    var results: [Result] = []
    while finished < dropped + values.count { results.append(nextResult()) }
    self = SeriesWindow(measure)
    return results
  }

  /// A result, which is nothing where there was no value or nothing to compare it with.
  public struct Result: Sendable, Equatable {
    public let value: Double?
  }

  private mutating func nextResult() -> Result {
    defer {
      finished += 1
      if finished - measure.reach > dropped {
        values.removeFirst()
        dropped += 1
      }
    }
    let place = finished - dropped
    guard let value = values[place] else { return Result(value: nil) }
    switch measure {
    case .localLogRatio(let reach, let floor):
      guard let median = Self.median(around(place, from: 1, to: reach)) else {
        return Result(value: nil)
      }
      return Result(value: log((value + floor) / (median + floor)))
    case .robustScore(let reach, let gap, let floor):
      let others = around(place, from: gap + 1, to: reach).map { log($0 + floor) }
      guard let median = Self.median(others),
        let deviation = Self.median(others.map { abs($0 - median) })
      else { return Result(value: nil) }
      return Result(
        value: (log(value + floor) - median) / (deviation + Self.leastDeviation))
    }
  }

  private func around(_ place: Int, from nearest: Int, to farthest: Int) -> [Double] {
    (nearest...farthest).flatMap { distance in
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

import Foundation

/// One number a frame for every statistic: what a clip is judged by.
///
/// A frame takes about 260 bytes, whatever its size: two hours are 45 MiB.
public struct FrameTable: Sendable {
  /// The statistics, in the order of their columns.
  public let statistics: [Statistic]
  /// Each frame's place in the input.
  public private(set) var indices: [Int] = []
  /// Each frame's time in seconds.
  public private(set) var seconds: [Double] = []
  private var columns: [[Float]]
  private let places: [Statistic: Int]

  /// - Precondition: none twice.
  public init(_ statistics: [Statistic]) {
    self.statistics = statistics
    columns = statistics.map { _ in [] }
    places = Dictionary(uniqueKeysWithValues: statistics.enumerated().map { ($1, $0) })
  }

  public var count: Int { indices.count }

  private func place(of statistic: Statistic) -> Int {
    guard let place = places[statistic] else {
      preconditionFailure("the table does not have \(statistic)")
    }
    return place
  }

  /// Adds a frame whose statistics are not known yet: NaN.
  public mutating func append(index: Int, seconds: Double) {
    indices.append(index)
    self.seconds.append(seconds)
    for column in columns.indices { columns[column].append(.nan) }
  }

  /// Writes a statistic of a frame.
  public mutating func set(_ value: Float, of statistic: Statistic, at row: Int) {
    let place = place(of: statistic)
    columns[place][row] = value
  }

  /// Writes a statistic of several frames in a row.
  public mutating func set(_ values: [Float], of statistic: Statistic, from row: Int) {
    let place = place(of: statistic)
    columns[place].replaceSubrange(row..<row + values.count, with: values)
  }

  /// A statistic of all frames; NaN where a frame has too few neighbours.
  ///
  /// - Precondition: the table has it.
  public subscript(statistic: Statistic) -> [Float] { columns[place(of: statistic)] }

  /// A statistic of one frame.
  public func value(of statistic: Statistic, at row: Int) -> Float {
    columns[place(of: statistic)][row]
  }

  /// All statistics of one frame, in the order of `statistics`.
  public func row(_ row: Int) -> [Float] { columns.map { $0[row] } }

  // MARK: Distances among six frames

  /// Writes a statistic of a frame where there is one.
  mutating func set(_ value: Double?, of statistic: Statistic, at row: Int) {
    if let value { set(Float(value), of: statistic, at: row) }
  }

  /// Writes the distances of the six frames around the transition to frame `row`, each at its later frame.
  mutating func set(_ transition: TransitionDistances, of part: Statistic.Part, at row: Int) {
    for (pair, distance) in zip(TransitionDistances.pairs, transition.distances) {
      let later = row - TransitionDistances.reach + pair.second
      let lag = pair.second - pair.first
      set(Float(distance.mean), of: .distance(part, lag: lag, .mean), at: later)
      set(Float(distance.top), of: .distance(part, lag: lag, .top), at: later)
    }
  }
}

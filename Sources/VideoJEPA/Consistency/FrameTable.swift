import Foundation

/// One number a frame for every statistic: what a clip is judged by.
///
/// A frame takes about 260 bytes, whatever its size: two hours are 45 MiB.
public struct FrameTable: Sendable {
  /// The statistics, in the order of their columns.
  public let names: [String]
  /// Each frame's place in the input.
  public private(set) var indices: [Int] = []
  /// Each frame's time in seconds.
  public private(set) var seconds: [Double] = []
  private var columns: [[Float]]
  private let places: [String: Int]

  /// - Precondition: no name twice.
  public init(names: [String]) {
    self.names = names
    columns = names.map { _ in [] }
    places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  }

  public var count: Int { indices.count }

  /// Adds a frame whose statistics are not known yet: NaN.
  public mutating func append(index: Int, seconds: Double) {
    indices.append(index)
    self.seconds.append(seconds)
    for column in columns.indices { columns[column].append(.nan) }
  }

  /// Writes a statistic of a frame.
  public mutating func set(_ value: Float, of name: String, at row: Int) {
    guard let place = places[name] else { preconditionFailure("no statistic is called \(name)") }
    columns[place][row] = value
  }

  /// Writes a statistic of several frames in a row.
  public mutating func set(_ values: [Float], of name: String, from row: Int) {
    guard let place = places[name] else { preconditionFailure("no statistic is called \(name)") }
    columns[place].replaceSubrange(row..<row + values.count, with: values)
  }

  /// A statistic of all frames; NaN where a frame has too few neighbours.
  ///
  /// - Precondition: there is a statistic of this name.
  public subscript(name: String) -> [Float] {
    guard let place = places[name] else { preconditionFailure("no statistic is called \(name)") }
    return columns[place]
  }

  /// A statistic of one frame.
  public func value(of name: String, at row: Int) -> Float {
    guard let place = places[name] else { preconditionFailure("no statistic is called \(name)") }
    return columns[place][row]
  }

  /// All statistics of one frame, in the order of `names`.
  public func row(_ row: Int) -> [Float] { columns.map { $0[row] } }

  // MARK: Distances among six frames

  /// The distances to the frame one to five before, mean and top: `family1`, `family1Top`, `family2`, …
  static func distanceNames(_ family: String) -> [String] {
    (1..<RuleFeature.pairFrames.count).flatMap { ["\(family)\($0)", "\(family)\($0)Top"] }
  }

  /// Writes a statistic of a frame where there is one.
  mutating func set(_ value: Double?, of name: String, at row: Int) {
    if let value { set(Float(value), of: name, at: row) }
  }

  /// Writes the distances of the six frames around the transition to frame `row`, each at its later frame.
  mutating func set(_ transition: TransitionDistances, of family: String, at row: Int) {
    for (pair, distance) in zip(TransitionDistances.pairs, transition.distances) {
      let later = row - TransitionDistances.reach + pair.second
      let name = "\(family)\(pair.second - pair.first)"
      set(Float(distance.mean), of: name, at: later)
      set(Float(distance.top), of: name + "Top", at: later)
    }
  }
}

import Foundation

/// One number a frame for every statistic: what a clip is judged by.
///
/// A frame takes about 200 bytes, whatever its size: two hours are 35 MiB.
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

  public func has(_ name: String) -> Bool { places[name] != nil }

  /// All statistics of one frame, in the order of `names`.
  public func row(_ row: Int) -> [Float] { columns.map { $0[row] } }
}

import Foundation

/// Something that the rule looks at around a frame, computed from the statistics of the frames beside it.
///
/// Written as words, so that a file of coefficients can be read: `ratio energyPast 0`.
public enum RuleFeature: Sendable, Equatable {
  /// log((v(t + offset) + floor) / (median of the four values before and after + floor)): what is usual
  /// here and now, whatever the clip's scale.
  case ratio(statistic: String, offset: Int)
  /// log(v(t + offset) + floor).
  case level(statistic: String, offset: Int)
  /// The value itself.
  case value(statistic: String, offset: Int)
  /// The log distance of frames t + first and t + second, less the mean of the logs over all pairs of the
  /// three frames before t and the three from t on. `family` is a statistic whose name goes on with how
  /// many frames lie between, such as `tokenDistance`.
  case pair(family: String, suffix: String, first: Int, second: Int)

  /// What is added before a logarithm is taken: about what a frame's own noise amounts to.
  static func floor(of statistic: String) -> Float {
    // Grey levels of pixels, root mean squares of tokens, mean squares of tokens.
    statistic.hasPrefix("token")
      ? 0.03 : statistic.hasPrefix("energy") || statistic.hasPrefix("copyLast") ? 1e-3 : 0.2
  }

  /// The frames whose distances `pair` is about.
  public static let pairFrames = -3...2
  /// Every pair of the six frames.
  public static func allPairs(_ family: String, suffix: String = "") -> [RuleFeature] {
    pairFrames.flatMap { first in
      pairFrames.filter { $0 > first }.map {
        .pair(family: family, suffix: suffix, first: first, second: $0)
      }
    }
  }

  /// The statistic that it is about, as a reader knows it.
  public var statistic: String {
    switch self {
    case .ratio(let statistic, _), .level(let statistic, _), .value(let statistic, _): statistic
    case .pair(let family, let suffix, let first, let second): "\(family)\(second - first)\(suffix)"
    }
  }

  /// Every statistic that it is computed from.
  var sources: [String] {
    guard case .pair(let family, let suffix, _, _) = self else { return [statistic] }
    return (1..<Self.pairFrames.count).map { "\(family)\($0)\(suffix)" }
  }

  /// The feature of every frame; NaN where a frame lacks neighbours.
  public func values(in table: FrameTable) -> [Float] {
    switch self {
    case .value(let statistic, let offset): return Self.shifted(table[statistic], by: offset)
    case .level(let statistic, let offset):
      return Self.shifted(Self.logs(of: statistic, in: table), by: offset)
    case .ratio(let statistic, let offset):
      let floor = Double(Self.floor(of: statistic))
      var window = SeriesWindow(.localLogRatio(floor: floor))
      var ratios: [SeriesWindow.Result] = []
      for value in table[statistic] {
        // What a statistic counts from below is how far it is from 0.
        if let ratio = window.push(value.isNaN ? nil : max(0, Double(value))) {
          ratios.append(ratio)
        }
      }
      ratios += window.finish()
      return Self.shifted(ratios.map { $0.value.map { Float($0) } ?? .nan }, by: offset)
    case .pair(let family, let suffix, let first, let second):
      return Self.pairDistances(family, suffix, first, second, in: table)
    }
  }

  private static func logs(of statistic: String, in table: FrameTable) -> [Float] {
    let floor = floor(of: statistic)
    return table[statistic].map { Foundation.log(max($0, 0) + floor) }
  }

  private static func shifted(_ values: [Float], by offset: Int) -> [Float] {
    values.indices.map { place in
      values.indices.contains(place + offset) ? values[place + offset] : .nan
    }
  }

  private static func pairDistances(
    _ family: String, _ suffix: String, _ first: Int, _ second: Int, in table: FrameTable
  ) -> [Float] {
    let lags = (1..<pairFrames.count).map { logs(of: "\(family)\($0)\(suffix)", in: table) }
    func distance(_ a: Int, _ b: Int) -> Float {
      lags[0].indices.contains(b) && a >= 0 ? lags[b - a - 1][b] : .nan
    }
    return lags[0].indices.map { frame in
      var sum: Float = 0
      var count: Float = 0
      for a in pairFrames {
        for b in pairFrames where b > a {
          let value = distance(frame + a, frame + b)
          if !value.isNaN {
            sum += value
            count += 1
          }
        }
      }
      let own = distance(frame + first, frame + second)
      return count > 0 ? own - sum / count : .nan
    }
  }
}

extension RuleFeature: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ratio(let statistic, let offset): "ratio \(statistic) \(offset)"
    case .level(let statistic, let offset): "level \(statistic) \(offset)"
    case .value(let statistic, let offset): "value \(statistic) \(offset)"
    case .pair(let family, let suffix, let first, let second):
      "pair \(family)*\(suffix) \(first) \(second)"
    }
  }

  /// Reads what `description` writes.
  public init?(_ text: String) {
    let words = text.split(separator: " ").map(String.init)
    let numbers = words.dropFirst(2).compactMap { Int($0) }
    guard words.count >= 3, numbers.count == words.count - 2 else { return nil }
    switch (words[0], numbers.count) {
    case ("ratio", 1): self = .ratio(statistic: words[1], offset: numbers[0])
    case ("level", 1): self = .level(statistic: words[1], offset: numbers[0])
    case ("value", 1): self = .value(statistic: words[1], offset: numbers[0])
    case ("pair", 2):
      let parts = words[1].split(separator: "*", omittingEmptySubsequences: false)
      guard parts.count == 2, Self.pairFrames.contains(numbers[0]),
        Self.pairFrames.contains(numbers[1]), numbers[0] < numbers[1]
      else { return nil }
      self = .pair(
        family: String(parts[0]), suffix: String(parts[1]), first: numbers[0], second: numbers[1])
    default: return nil
    }
  }
}

extension RuleFeature: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let feature = RuleFeature(text) else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath, debugDescription: "no feature is written \"\(text)\""))
    }
    self = feature
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

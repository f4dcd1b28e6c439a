import Foundation

/// Something that the rule looks at around a frame, computed from the statistics of the frames beside it.
///
/// Written as words, so that a file of coefficients can be read: `ratio energyPast 0`.
public enum RuleFeature: Sendable, Equatable {
  /// log((v(t + offset) + floor) / (median of the four values before and after + floor)): what is usual
  /// here and now, whatever the clip's scale.
  case ratio(statistic: Statistic, offset: Int)
  /// log(v(t + offset) + floor).
  case level(statistic: Statistic, offset: Int)
  /// The value itself.
  case value(statistic: Statistic, offset: Int)
  /// The log distance of frames t + first and t + second, less the mean of the logs over all pairs of the
  /// three frames before t and the three from t on.
  case pair(Statistic.Part, Statistic.Summary, first: Int, second: Int)

  /// The frames whose distances `pair` is about.
  public static let pairFrames = -3...2
  /// Every pair of the six frames.
  public static func allPairs(
    _ part: Statistic.Part, _ summary: Statistic.Summary = .mean
  ) -> [RuleFeature] {
    pairFrames.flatMap { first in
      pairFrames.filter { $0 > first }.map {
        .pair(part, summary, first: first, second: $0)
      }
    }
  }

  /// The statistic that it is about.
  public var statistic: Statistic {
    switch self {
    case .ratio(let statistic, _), .level(let statistic, _), .value(let statistic, _): statistic
    case .pair(let part, let summary, let first, let second):
      .distance(part, lag: second - first, summary)
    }
  }

  /// Every statistic that it is computed from.
  var sources: [Statistic] {
    guard case .pair(let part, let summary, _, _) = self else { return [statistic] }
    return (1..<Self.pairFrames.count).map { .distance(part, lag: $0, summary) }
  }

  /// The feature of every frame; NaN where a frame lacks neighbours.
  public func values(in table: FrameTable) -> [Float] { values(from: SharedSeries(table)) }

  /// The same, where features of one table are asked for one after the other.
  public func values(from series: SharedSeries) -> [Float] {
    switch self {
    case .value(let statistic, let offset):
      return Self.shifted(series.table[statistic], by: offset)
    case .level(let statistic, let offset):
      return Self.shifted(series.logs(of: statistic), by: offset)
    case .ratio(let statistic, let offset):
      return Self.shifted(series.ratios(of: statistic), by: offset)
    case .pair(let part, let summary, let first, let second):
      let lag = series.logs(of: .distance(part, lag: second - first, summary))
      let means = series.pairMeans(part, summary)
      return means.indices.map { frame in
        lag.indices.contains(frame + second) && frame + first >= 0
          ? lag[frame + second] - means[frame] : .nan
      }
    }
  }

  private static func shifted(_ values: [Float], by offset: Int) -> [Float] {
    values.indices.map { place in
      values.indices.contains(place + offset) ? values[place + offset] : .nan
    }
  }
}

/// What several features of one table are computed from, computed once for features that are asked for together.
///
/// Of a long clip the series of all features would take more than the table itself: the last ones are kept.
public final class SharedSeries {
  /// The series that were made last, by the statistic that they are of.
  private struct Recent {
    let limit: Int
    private var series: [Statistic: [Float]] = [:]
    private var order: [Statistic] = []

    init(limit: Int) { self.limit = limit }

    /// The series of that statistic, made where it is not at hand.
    mutating func callAsFunction(_ statistic: Statistic, make: () -> [Float]) -> [Float] {
      if let known = series[statistic] { return known }
      let made = make()
      if order.count == limit { series[order.removeFirst()] = nil }
      order.append(statistic)
      series[statistic] = made
      return made
    }
  }

  public let table: FrameTable
  // The distances of six frames are ten series.
  private var recentLogs = Recent(limit: 10)
  private var recentRatios = Recent(limit: 1)
  private var recentMeans = Recent(limit: 1)

  public init(_ table: FrameTable) { self.table = table }

  /// log(v + floor).
  func logs(of statistic: Statistic) -> [Float] {
    let floor = statistic.noiseFloor
    return recentLogs(statistic) { table[statistic].map { log(max($0, 0) + floor) } }
  }

  /// Local ratios, each at its own frame.
  func ratios(of statistic: Statistic) -> [Float] {
    recentRatios(statistic) { makeRatios(of: statistic) }
  }

  private func makeRatios(of statistic: Statistic) -> [Float] {
    var window = SeriesWindow(floor: Double(statistic.noiseFloor))
    var results: [SeriesWindow.Result] = []
    for value in table[statistic] {
      // What a statistic counts from below is how far it is from 0.
      if let ratio = window.push(value.isNaN ? nil : max(0, Double(value))) {
        results.append(ratio)
      }
    }
    results += window.finish()
    return results.map { $0.value.map { Float($0) } ?? .nan }
  }

  /// For each frame the mean of the logs of all distances among the six frames around it.
  func pairMeans(_ part: Statistic.Part, _ summary: Statistic.Summary) -> [Float] {
    let frames = RuleFeature.pairFrames
    let lags = (1..<frames.count).map { logs(of: .distance(part, lag: $0, summary)) }
    return recentMeans(.distance(part, lag: 1, summary)) { Self.pairMeans(of: lags) }
  }

  private static func pairMeans(of lags: [[Float]]) -> [Float] {
    let frames = RuleFeature.pairFrames
    return lags[0].indices.map { frame in
      var (sum, count) = (Float(0), Float(0))
      for first in frames {
        for second in frames
        where second > first && frame + first >= 0 && frame + second < lags[0].count {
          let value = lags[second - first - 1][frame + second]
          if !value.isNaN { (sum, count) = (sum + value, count + 1) }
        }
      }
      return count > 0 ? sum / count : .nan
    }
  }
}

extension RuleFeature: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ratio(let statistic, let offset): "ratio \(statistic) \(offset)"
    case .level(let statistic, let offset): "level \(statistic) \(offset)"
    case .value(let statistic, let offset): "value \(statistic) \(offset)"
    case .pair(let part, let summary, let first, let second):
      "pair \(part.distanceKey)*\(summary.rawValue) \(first) \(second)"
    }
  }

  /// Reads what `description` writes.
  public init?(_ text: String) {
    let words = text.split(separator: " ").map(String.init)
    let numbers = words.dropFirst(2).compactMap { Int($0) }
    guard words.count >= 3, numbers.count == words.count - 2 else { return nil }
    if words[0] == "pair" {
      let names = words[1].split(separator: "*", omittingEmptySubsequences: false).map(String.init)
      guard numbers.count == 2, names.count == 2,
        let part = Statistic.Part.allCases.first(where: { $0.distanceKey == names[0] }),
        let summary = Statistic.Summary(rawValue: names[1]), summary != .greatest,
        Self.pairFrames.contains(numbers[0]), Self.pairFrames.contains(numbers[1]),
        numbers[0] < numbers[1]
      else { return nil }
      self = .pair(part, summary, first: numbers[0], second: numbers[1])
      return
    }
    guard numbers.count == 1, let statistic = Statistic(key: words[1]) else { return nil }
    switch words[0] {
    case "ratio": self = .ratio(statistic: statistic, offset: numbers[0])
    case "level": self = .level(statistic: statistic, offset: numbers[0])
    case "value": self = .value(statistic: statistic, offset: numbers[0])
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

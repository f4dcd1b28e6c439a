import VisionJEPA

/// Something that gives every frame of a clip a number: high where it breaks.
struct Detector {
  let name: String
  /// Which of a trial's models it is fed by.
  let model: Int
  let scores: (FrameTable) -> [Float]

  /// A statistic against the median of the four frames on either side, or as it is.
  static func statistic(_ name: String, isRelative: Bool = true) -> Detector {
    let feature: RuleFeature =
      isRelative ? .ratio(statistic: name, offset: 0) : .value(statistic: name, offset: 0)
    return Detector(name: name, model: 0) { feature.values(in: $0).map { $0.isFinite ? $0 : 0 } }
  }

  static func rule(_ name: String, _ rule: ConsistencyRule, model: Int = 0) -> Detector {
    Detector(name: name, model: model) { rule.judge($0).map(\.score) }
  }

  /// Every statistic by itself.
  static var statistics: [Detector] {
    [
      statistic("pixelDifference"), statistic("pixelDifferenceTop"),
      statistic("interpolationError"), statistic("orderRatio", isRelative: false),
      statistic("colorInterpolationError"), statistic("copyLast"), statistic("cosineDistance"),
      statistic("energyPast"), statistic("energyFuture"), statistic("energyMiddle"),
    ]
  }
}

import VideoJEPA

/// Something that gives every frame of a clip a number: high where it breaks.
struct Detector {
  let name: String
  /// Which of a trial's models it is fed by.
  let model: Int
  let scores: (FrameTable) -> [Float]

  /// A statistic by itself: against the median of the four frames on either side where it has a scale of its own, as it
  /// is where 0 or 1 already means something, and from below where little of it says that a frame is broken.
  ///
  /// - Parameter model: of a trial; with another than the first, `prefix` tells the detectors apart.
  static func statistic(_ name: String, model: Int = 0, prefix: String = "") -> Detector {
    let ownName = prefix + name
    let isHypothesis = name.lowercased().contains("hypothesis")
    if isHypothesis && !name.hasSuffix("Next") {
      return Detector(name: ownName, model: model) { table in
        table[name].map { -($0.isFinite ? $0 : 30) }
      }
    }
    let isAbsolute =
      isHypothesis || ["orderRatio", "shotSeparation", "isCut", "isRepeat"].contains(name)
    let feature: RuleFeature =
      isAbsolute ? .value(statistic: name, offset: 0) : .ratio(statistic: name, offset: 0)
    return Detector(name: ownName, model: model) {
      feature.values(in: $0).map { $0.isFinite ? $0 : 0 }
    }
  }

  static func rule(_ name: String, _ rule: ConsistencyRule, model: Int = 0) -> Detector {
    Detector(name: name, model: model) { rule.judge($0).map(\.score) }
  }

  /// What `jepa score` says: the rule's score, cuts, repeats and freezes that the exact rules find above all else, and
  /// what belongs to a native cadence left alone.
  static func verdict(_ name: String, _ rule: ConsistencyRule) -> Detector {
    Detector(name: name, model: 0) { table in
      let verdict = ConsistencyVerdict(
        table, judgements: rule.judge(table), threshold: rule.threshold)
      var scores = verdict.scores
      for (row, _) in verdict.exactRows { scores[row] += certainty }
      return scores
    }
  }

  /// Log-odds that no rule reaches.
  private static let certainty: Float = 100

  /// Every statistic by itself; those of `ClipMeasurement` that are ratios already are the ones that they are of.
  static var statistics: [Detector] {
    ClipMeasurement.names.filter { name in
      !(name.hasSuffix("Ratio") && ClipMeasurement.names.contains(String(name.dropLast(5))))
    }.map { statistic($0) }
  }

  /// The energies of the untrained model, by themselves.
  static var untrainedEnergies: [Detector] {
    ["energyPast", "energyFuture", "energyMiddle"].map {
      statistic($0, model: 1, prefix: "untrained ")
    }
  }
}

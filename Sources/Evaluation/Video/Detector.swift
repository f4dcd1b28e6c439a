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
  static func statistic(
    _ statistic: Statistic, model: Int = 0, prefix: String = ""
  ) -> Detector {
    let ownName = prefix + statistic.key
    if case .misfit(let hypothesis, _) = statistic, hypothesis != .next {
      return Detector(name: ownName, model: model) { table in
        table[statistic].map { -($0.isFinite ? $0 : 30) }
      }
    }
    let feature: RuleFeature =
      statistic.isAbsolute
      ? .value(statistic: statistic, offset: 0) : .ratio(statistic: statistic, offset: 0)
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

  /// Every statistic by itself; ratios are what the others are judged by already.
  static var statistics: [Detector] {
    (Statistic.ofPixels + Statistic.ofTokens).map { statistic($0) }
  }

  /// The energies of the untrained model, by themselves.
  static var untrainedEnergies: [Detector] {
    PredictionMode.allCases.map {
      statistic(.energy($0, .mean), model: 1, prefix: "untrained ")
    }
  }
}

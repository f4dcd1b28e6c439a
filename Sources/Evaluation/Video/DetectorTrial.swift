import VisionJEPA

/// How one detector does on one source: what every table is made of.
struct DetectorTrial {
  /// One fault as the detector sees it.
  struct Find {
    let fault: FaultKind
    /// The highest score within one frame of the fault.
    let score: Float
    /// The same frames' highest score before they were broken; nil where none of them is left.
    let cleanScore: Float?
    /// The median pixel difference around it, in grey levels.
    let motion: Float
    /// Which half of the clip it is in.
    let half: Int
  }

  let source: String
  let finds: [Find]
  /// Scores of clean frames of the clean clip, by half, and of what came after it.
  let clean: [[Float]]
  let later: [Float]
  /// The highest of three clean frames in a row: what a find's score is compared with.
  let cleanWindows: [Float]

  /// Faults where less moves than this, in grey levels, are in still frames: nothing there can be seen to
  /// be missing or in another order.
  static let leastMotion: Float = 0.4

  init(_ detector: Detector, on trial: FaultCampaign.Trial) {
    let frameCount = trial.clean.table.count
    func half(_ origin: Int) -> Int { origin * 2 < frameCount ? 0 : 1 }
    let cleanScores = detector.scores(trial.clean.table)
    source = trial.clean.source
    clean = (0..<2).map { number in
      trial.clean.cleanRows.filter { half($0) == number }.map { cleanScores[$0] }
    }
    later =
      trial.later.map { clip in
        let scores = detector.scores(clip.table)
        return clip.cleanRows.map { scores[$0] }
      } ?? []
    let rows = Set(trial.clean.cleanRows)
    cleanWindows = trial.clean.cleanRows.filter { rows.contains($0 - 1) && rows.contains($0 + 1) }
      .map { max(cleanScores[$0 - 1], cleanScores[$0], cleanScores[$0 + 1]) }

    var finds: [Find] = []
    for broken in trial.broken {
      let scores = detector.scores(broken.table)
      for event in broken.events {
        let found = max(0, event.found.lowerBound)...event.found.upperBound
        let origins = found.compactMap { broken.origins[$0] }
        let before = origins.filter { cleanScores.indices.contains($0) }.map { cleanScores[$0] }
        finds.append(
          Find(
            fault: event.fault, score: found.map { scores[$0] }.max()!, cleanScore: before.max(),
            motion: broken.motion(around: event),
            half: half(origins.first ?? event.rows.lowerBound)))
      }
    }
    self.finds = finds
  }

  /// The threshold for one half of the clip, set on the other and on what came later: what is measured is not
  /// what was fitted.
  func threshold(forHalf half: Int, per1000: Double) -> Float {
    let other = (clean[1 - half].isEmpty ? clean[half] : clean[1 - half]) + later
    guard !other.isEmpty else { return .infinity }
    return ScoreTail.threshold(of: other, rate: per1000 / 1000)
  }

  /// Whether a fault lies where something moves.
  static func moves(_ find: Find) -> Bool { find.motion >= leastMotion }

  /// The finds of one fault, in moving frames.
  func moving(_ fault: FaultKind) -> [Find] {
    finds.filter { $0.fault == fault && Self.moves($0) }
  }
}

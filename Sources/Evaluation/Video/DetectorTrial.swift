import Frames
import VideoJEPA

/// How one detector does on one source: what every table is made of.
struct DetectorTrial {
  /// One fault as the detector sees it.
  struct Find {
    let fault: FaultKind
    /// The highest score within one frame of the fault.
    let score: Float
    /// The share of the clean clip's windows of as many frames whose highest score is lower, 0…1; nil where it has
    /// none as long.
    let rank: Double?
    /// The same frames' highest score before they were broken; nil where none of them is left.
    let cleanScore: Float?
    /// The median pixel difference around it, in grey levels.
    let motion: Float
    /// Which half of the clip it is in.
    let half: Int
  }

  let source: String
  let isMadeUp: Bool
  let finds: [Find]
  /// Scores of clean frames of the clean clip, by half, and of what came after it.
  let clean: [[Float]]
  let later: [Float]

  /// Faults where less moves than this, in grey levels, are in still frames: nothing there can be seen to
  /// be missing or in another order.
  static let leastMotion: Float = 0.4

  init(_ detector: Detector, on trial: FaultCampaign.Trial) {
    let frameCount = trial.clean.table.count
    func half(_ origin: Int) -> Int { origin * 2 < frameCount ? 0 : 1 }
    let cleanScores = detector.scores(trial.clean.table)
    source = trial.clean.source
    isMadeUp = trial.isMadeUp
    clean = (0..<2).map { number in
      trial.clean.cleanRows.filter { half($0) == number }.map { cleanScores[$0] }
    }
    later =
      trial.later.map { clip in
        let scores = detector.scores(clip.table)
        return clip.cleanRows.map { scores[$0] }
      } ?? []
    let cleanRuns = Self.runs(of: trial.clean.cleanRows).map { Array(cleanScores[$0]) }
    var cleanWindows: [Int: [Float]] = [:]
    func rank(of score: Float, among length: Int) -> Double? {
      let known = cleanWindows[length] ?? cleanRuns.flatMap { Self.maxima(of: $0, length) }
      cleanWindows[length] = known
      return RankStatistics.rank(of: score, among: known)
    }

    var finds: [Find] = []
    for broken in trial.broken {
      let scores = detector.scores(broken.table)
      for event in broken.events {
        let found = max(0, event.found.lowerBound)...event.found.upperBound
        let origins = found.compactMap { broken.origins[$0] }
        let before = origins.filter { cleanScores.indices.contains($0) }.map { cleanScores[$0] }
        let score = found.map { scores[$0] }.max()!
        finds.append(
          Find(
            fault: event.fault, score: score, rank: rank(of: score, among: found.count),
            cleanScore: before.max(),
            motion: broken.motion(around: event),
            half: half(origins.first ?? event.rows.lowerBound)))
      }
    }
    self.finds = finds
  }

  /// Rows that follow each other.
  private static func runs(of rows: [Int]) -> [Range<Int>] {
    rows.reduce(into: []) { runs, row in
      if let last = runs.last, last.upperBound == row {
        runs[runs.count - 1] = last.lowerBound..<row + 1
      } else {
        runs.append(row..<row + 1)
      }
    }
  }

  /// The highest of every `length` scores in a row.
  static func maxima(of scores: [Float], _ length: Int) -> [Float] {
    guard scores.count >= length else { return [] }
    return (0...scores.count - length).map { scores[$0..<$0 + length].max()! }
  }

  /// The threshold for one half of the clip, set on the other and on what came later: what is measured is not
  /// what was fitted. nil where there is nothing to set it on: there, nothing is found and nothing measured.
  func threshold(forHalf half: Int, per1000: Double) -> Float? {
    let other = clean[1 - half] + later
    guard !other.isEmpty else { return nil }
    return ScoreTail.threshold(of: other, rate: per1000 / 1000)
  }

  /// Whether a fault lies where something moves.
  static func moves(_ find: Find) -> Bool { find.motion >= leastMotion }

  /// The finds of one fault, in moving frames.
  func moving(_ fault: FaultKind) -> [Find] {
    finds.filter { $0.fault == fault && Self.moves($0) }
  }
}

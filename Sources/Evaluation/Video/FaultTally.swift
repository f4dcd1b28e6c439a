import Files
import Frames

/// For each source and kind of fault how many there are, and the sum of what each is worth: all means are taken of these.
struct FaultTally {
  /// Source by source, in the order of `FaultKind.allCases`.
  private let sums: [[Double]]
  private let counts: [[Int]]

  /// - Parameters:
  ///   - isCounted: which faults count; those in moving frames where nothing else is said.
  ///   - worth: of one of them, with the place of its source; nil leaves it out.
  init(
    _ trials: [DetectorTrial],
    of isCounted: (DetectorTrial, DetectorTrial.Find) -> Bool = { DetectorTrial.moves($1) },
    worth: (Int, DetectorTrial.Find) -> Double?
  ) {
    let kinds = FaultKind.allCases
    var (sums, counts) = (
      [[Double]](repeating: [Double](repeating: 0, count: kinds.count), count: trials.count),
      [[Int]](repeating: [Int](repeating: 0, count: kinds.count), count: trials.count)
    )
    for (source, trial) in trials.enumerated() {
      for find in trial.finds where isCounted(trial, find) {
        guard let worth = worth(source, find) else { continue }
        let kind = kinds.firstIndex(of: find.fault)!
        sums[source][kind] += worth
        counts[source][kind] += 1
      }
    }
    (self.sums, self.counts) = (sums, counts)
  }

  /// Each fault against the clean frames of its own source: their mean is the AUROC.
  static func ranks(
    _ trials: [DetectorTrial],
    of isCounted: (DetectorTrial, DetectorTrial.Find) -> Bool = { DetectorTrial.moves($1) }
  ) -> FaultTally {
    FaultTally(trials, of: isCounted) { $1.rank }
  }

  /// 1 for a fault that is found: their mean is the recall.
  static func found(
    _ trials: [DetectorTrial], per1000: Double,
    of isCounted: (DetectorTrial, DetectorTrial.Find) -> Bool = { DetectorTrial.moves($1) }
  ) -> FaultTally {
    // By place, not by name: two clips in two folders may be called the same.
    let thresholds = trials.map { trial in
      (0..<2).map { trial.threshold(forHalf: $0, per1000: per1000) }
    }
    return FaultTally(trials, of: isCounted) { source, find in
      thresholds[source][find.half].map { find.score > $0 ? 1 : 0 } ?? 0
    }
  }

  /// The mean over the faults of what the sources' own are worth on average, each source as often as it is drawn;
  /// nil where they have none.
  ///
  /// - Parameter draw: places of sources; nil for each once.
  func meanShare(of faults: [FaultKind], in draw: [Int]? = nil) -> Double? {
    let shares = faults.compactMap { fault -> Double? in
      let kind = FaultKind.allCases.firstIndex(of: fault)!
      var (sum, count) = (0.0, 0)
      for source in draw ?? Array(sums.indices) {
        sum += sums[source][kind]
        count += counts[source][kind]
      }
      return count > 0 ? sum / Double(count) : nil
    }
    return shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count)
  }

  /// The same with the bounds that hold 95 % of 1000 draws of sources.
  func meanInterval(of faults: [FaultKind]) -> VideoBenchmarkReport.Interval {
    Bootstrap.interval(of: sources(with: faults), among: sums.count) {
      meanShare(of: faults, in: $0)
    }
  }

  /// The mean of this less that of `other`, of the same sources, with its bounds.
  func meanDifference(
    from other: FaultTally, of faults: [FaultKind]
  ) -> VideoBenchmarkReport.Interval {
    Bootstrap.interval(of: sources(with: faults), among: sums.count) { draw in
      guard let mine = meanShare(of: faults, in: draw),
        let theirs = other.meanShare(of: faults, in: draw)
      else { return nil }
      return mine - theirs
    }
  }

  /// How many sources have any of the faults.
  private func sources(with faults: [FaultKind]) -> Int {
    let kinds = faults.map { FaultKind.allCases.firstIndex(of: $0)! }
    return counts.count { source in kinds.contains { source[$0] > 0 } }
  }
}

/// Intervals from draws with replacement (Efron 1979).
enum Bootstrap {
  /// - Parameters:
  ///   - known: how many of the things have what is drawn; of one alone nothing is known of how it varies.
  ///   - count: how many things there are to draw.
  ///   - figure: of the things drawn, each by its place; nil where they have none.
  static func interval(
    of known: Int, among count: Int, draws: Int = 1000, figure: ([Int]) -> Double?
  ) -> VideoBenchmarkReport.Interval {
    let value = figure(Array(0..<count)) ?? 0
    guard known >= 2 else { return VideoBenchmarkReport.Interval(value: value, bounds: nil) }
    var generator = SeededGenerator(seed: 1, UInt64(count))
    let values = (0..<draws).compactMap { _ in
      figure((0..<count).map { _ in generator.index(below: count) })
    }.sorted()
    let cut = values.count / 40
    return VideoBenchmarkReport.Interval(
      value: value,
      bounds: VideoBenchmarkReport.Bounds(low: values[cut], high: values[values.count - 1 - cut]))
  }
}

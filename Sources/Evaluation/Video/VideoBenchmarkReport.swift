import Files
import Foundation
import Frames

/// Who finds which fault, and how sure that is.
public struct VideoBenchmarkReport: Codable, Sendable {
  /// How one detector does on one fault.
  public struct Figures: Codable, Sendable {
    /// The probability that a fault's highest score is above that of as many clean frames in a row of the same
    /// source.
    public let auroc: Double
    /// The bounds that hold 95 % of 1000 draws of sources, of the AUROC and of the recalls.
    public let aurocInterval: Interval
    public let recallIntervals: [Interval]
    /// The share of faults whose score rises when they are put in.
    public let paired: Double
    /// The share found within one frame, and the harmonic mean of that and of the flags that are right, at 1,
    /// 5 and 10 false alarms per 1000 frames.
    public let recall: [Double]
    public let f1: [Double]
    /// Faults in moving frames that these are of.
    public let count: Int
  }

  /// How one detector does on some of the faults: those in still, slow or fast frames, or of filmed or made-up sources.
  public struct Part: Codable, Sendable {
    public let name: String
    public let count: Int
    /// Means over the faults that there are; nil where there are none.
    public let meanAUROC: Double?
    /// At 5 false alarms per 1000.
    public let meanRecall: Double?
  }

  /// How one detector does on the whole.
  public struct Summary: Codable, Sendable {
    public let detector: String
    public let faults: [String: Figures]
    /// The same by how much moves around a fault, still frames among them, and by what the source is.
    public let parts: [Part]
    /// The mean over faults, and the bounds that hold 95 % of 1000 draws of sources.
    public let meanAUROC: Interval
    /// The mean recall over all faults that can be put into any clip, but for single dropped frames and vanishing
    /// things, at 1, 5 and 10 false alarms per 1000.
    public let meanRecall: [Interval]
    /// False alarms in 1000 clean frames, as measured where the thresholds were not set: for 1, 5 and 10.
    public let measuredPer1000: [Double]
    /// The mean recall with the lowest thresholds that gave 5 false alarms or fewer in 1000 frames, measured; nil
    /// where none of those for 1 to 10 did.
    public let meanRecallWithin5: Interval?
  }

  public struct Interval: Codable, Sendable {
    public let value: Double
    /// nil where fewer than two sources have what it is of.
    public let bounds: Bounds?
  }

  public struct Bounds: Codable, Sendable {
    public let low: Double
    public let high: Double
  }

  public let checkpoint: String
  public let sources: [String]
  public let summaries: [Summary]
  public let references: [String]
  public let candidate: String
  /// What the candidate adds to each reference: the difference of mean AUROC over all faults, over those
  /// that pixels show, over the semantic ones, and of the AUROC of each fault.
  public let gains: [String: [String: Interval]]
  public let seconds: Double

  static let rates = [1.0, 5.0, 10.0]
  private static let rare: Set<FaultKind> = [.drop1, .vanish]
  private static var counted: [FaultKind] { FaultKind.injected.filter { !rare.contains($0) } }

  init(
    checkpoint: String, names: [String], trials: [String: [DetectorTrial]],
    references: [String], candidate: String, seconds: Double
  ) {
    self.checkpoint = checkpoint
    self.references = references
    self.candidate = candidate
    self.seconds = seconds
    sources = trials[names[0]]!.map(\.source)
    summaries = names.map { Self.summary($0, trials[$0]!) }
    let ours = FaultTally.ranks(trials[candidate]!)
    gains = Dictionary(
      uniqueKeysWithValues: references.map { reference in
        (reference, Self.gains(of: ours, over: FaultTally.ranks(trials[reference]!)))
      })
  }

  /// Groups of faults over which means are taken, and each fault by itself.
  private static var groups: [(name: String, faults: [FaultKind])] {
    [
      ("all faults", FaultKind.allCases), ("faults that pixels show", FaultKind.injected),
      ("semantic faults", FaultKind.allCases.filter { $0.semantic != nil }),
    ] + FaultKind.allCases.map { ($0.rawValue, [$0]) }
  }

  private static func gains(of ours: FaultTally, over theirs: FaultTally) -> [String: Interval] {
    var gains: [String: Interval] = [:]
    for (name, faults) in groups where ours.meanShare(of: faults) != nil {
      gains[name] = ours.meanDifference(from: theirs, of: faults)
    }
    return gains
  }

  private static func summary(_ name: String, _ trials: [DetectorTrial]) -> Summary {
    let faults = FaultKind.allCases.filter { fault in
      trials.contains { !$0.moving(fault).isEmpty }
    }
    let within5 = stride(from: 10.0, through: 1, by: -1).first {
      measured(trials, per1000: $0) <= 5
    }
    let ranks = FaultTally.ranks(trials)
    let found = rates.map { FaultTally.found(trials, per1000: $0) }
    let falseAlarms = rates.map { measured(trials, per1000: $0) }
    return Summary(
      detector: name,
      faults: Dictionary(
        uniqueKeysWithValues: faults.map { fault in
          (fault.rawValue, figures(fault, trials, ranks, found, falseAlarms))
        }),
      parts: parts(of: trials),
      meanAUROC: ranks.meanInterval(of: FaultKind.allCases),
      meanRecall: found.map { $0.meanInterval(of: counted) },
      measuredPer1000: falseAlarms,
      meanRecallWithin5: within5.map {
        FaultTally.found(trials, per1000: $0).meanInterval(of: counted)
      })
  }

  private static func figures(
    _ fault: FaultKind, _ trials: [DetectorTrial], _ ranks: FaultTally, _ found: [FaultTally],
    _ measured: [Double]
  ) -> Figures {
    let finds = trials.flatMap { $0.moving(fault) }
    let pairs = finds.compactMap { find in find.cleanScore.map { (find.score, $0) } }
    let rises = pairs.reduce(0.0) { $0 + ($1.0 > $1.1 ? 1 : $1.0 == $1.1 ? 0.5 : 0) }
    let recalls = found.map { $0.meanInterval(of: [fault]) }
    let auroc = ranks.meanInterval(of: [fault])
    return Figures(
      auroc: auroc.value, aurocInterval: auroc, recallIntervals: recalls,
      paired: pairs.isEmpty ? 0.5 : rises / Double(pairs.count), recall: recalls.map(\.value),
      f1: zip(recalls, measured).map { f1(recall: $0.value, measuredPer1000: $1) },
      count: finds.count)
  }

  /// Still frames are those in which a fault is counted nowhere else; between slow and fast lie two grey levels.
  private static func parts(of trials: [DetectorTrial]) -> [Part] {
    func isIn(_ range: Range<Float>) -> (DetectorTrial, DetectorTrial.Find) -> Bool {
      { range.contains($1.motion) }
    }
    let parts: [(String, (DetectorTrial, DetectorTrial.Find) -> Bool)] = [
      ("still", isIn(-.infinity..<DetectorTrial.leastMotion)),
      ("slow", isIn(DetectorTrial.leastMotion..<2)), ("fast", isIn(2.0..<Float.infinity)),
      ("filmed", { !$0.isMadeUp && DetectorTrial.moves($1) }),
      ("made up", { $0.isMadeUp && DetectorTrial.moves($1) }),
    ]
    return parts.map { name, isCounted in
      Part(
        name: name,
        count: trials.reduce(0) { count, trial in
          count + trial.finds.count { isCounted(trial, $0) }
        },
        meanAUROC: FaultTally.ranks(trials, of: isCounted).meanShare(of: FaultKind.allCases),
        meanRecall: FaultTally.found(trials, per1000: 5, of: isCounted).meanShare(of: counted))
    }
  }

  /// False alarms among clean frames that the threshold was not set on, in 1000.
  private static func measured(_ trials: [DetectorTrial], per1000: Double) -> Double {
    var (alarms, count) = (0, 0)
    for trial in trials {
      for half in 0..<2 {
        guard let threshold = trial.threshold(forHalf: half, per1000: per1000) else { continue }
        alarms += trial.clean[half].count { $0 > threshold }
        count += trial.clean[half].count
      }
    }
    return count > 0 ? 1000 * Double(alarms) / Double(count) : 0
  }

  /// With one fault in 36 frames, as those that any clip can have were put in, the false alarms that come with a find are those of
  /// 36 clean frames.
  private static func f1(recall: Double, measuredPer1000: Double) -> Double {
    recall > 0 ? 2 * recall / (recall + measuredPer1000 / 1000 * 36 + 1) : 0
  }
}

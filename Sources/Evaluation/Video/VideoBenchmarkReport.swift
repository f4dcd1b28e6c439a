import Foundation
import TrainingRuns
import VisionJEPA

/// Who finds which fault, and how sure that is.
public struct VideoBenchmarkReport: Codable, Sendable {
  /// How one detector does on one fault.
  public struct Figures: Codable, Sendable {
    /// The probability that a fault's highest score is above that of as many clean frames in a row of the same
    /// source.
    public let auroc: Double
    /// The share of faults whose score rises when they are put in.
    public let paired: Double
    /// The share found within one frame, and the harmonic mean of that and of the flags that are right, at 1,
    /// 5 and 10 false alarms per 1000 frames.
    public let recall: [Double]
    public let f1: [Double]
    /// Faults in moving frames that these are of.
    public let count: Int
    /// Faults in still frames, which are left out.
    public let stillCount: Int
  }

  /// How one detector does on the whole.
  public struct Summary: Codable, Sendable {
    public let detector: String
    public let faults: [String: Figures]
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
    public let low: Double
    public let high: Double
  }

  public let checkpoint: String
  public let sources: [String]
  public let summaries: [Summary]
  public let references: [String]
  public let candidate: String
  /// What the candidate adds to each reference: the difference of mean AUROC over all faults, over those
  /// that pixels show and over the semantic ones.
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
    let semantic = FaultKind.allCases.filter { $0.semantic != nil }
    let ours = Self.ranks(trials[candidate]!)
    gains = Dictionary(
      uniqueKeysWithValues: references.map { reference in
        let theirs = Self.ranks(trials[reference]!)
        let gains = [
          "all faults": FaultKind.allCases, "faults that pixels show": FaultKind.injected,
          "semantic faults": semantic,
        ].mapValues { faults in
          Bootstrap.interval(count: ours.count) { draw in
            Self.meanShare(draw.map { ours[$0] }, faults)
              - Self.meanShare(draw.map { theirs[$0] }, faults)
          }
        }
        return (reference, gains)
      })
  }

  private static func summary(_ name: String, _ trials: [DetectorTrial]) -> Summary {
    let faults = FaultKind.allCases.filter { fault in
      trials.contains { !$0.moving(fault).isEmpty }
    }
    let within5 = stride(from: 10.0, through: 1, by: -1).first {
      measured(trials, per1000: $0) <= 5
    }
    let ranks = ranks(trials)
    return Summary(
      detector: name,
      faults: Dictionary(
        uniqueKeysWithValues: faults.map { ($0.rawValue, figures($0, trials)) }),
      meanAUROC: Bootstrap.interval(count: trials.count) { draw in
        meanShare(draw.map { ranks[$0] }, FaultKind.allCases)
      },
      meanRecall: rates.map { meanRecall(trials, per1000: $0) },
      measuredPer1000: rates.map { measured(trials, per1000: $0) },
      meanRecallWithin5: within5.map { meanRecall(trials, per1000: $0) })
  }

  private static func figures(_ fault: FaultKind, _ trials: [DetectorTrial]) -> Figures {
    let finds = trials.flatMap { $0.moving(fault) }
    let pairs = finds.compactMap { find in find.cleanScore.map { (find.score, $0) } }
    let rises = pairs.reduce(0.0) { $0 + ($1.0 > $1.1 ? 1 : $1.0 == $1.1 ? 0.5 : 0) }
    let recalls = rates.map { share(of: fault, in: found(trials, per1000: $0)) ?? 0 }
    return Figures(
      auroc: share(of: fault, in: ranks(trials)) ?? 0.5,
      paired: pairs.isEmpty ? 0.5 : rises / Double(pairs.count), recall: recalls,
      f1: zip(rates, recalls).map { rate, recall in
        f1(fault, trials, recall: recall, per1000: rate)
      },
      count: finds.count,
      stillCount: trials.flatMap(\.finds).count {
        $0.fault == fault && !DetectorTrial.moves($0)
      })
  }

  /// A source's faults in moving frames: for each kind how many there are, and the sum of what each is worth.
  private typealias Tally = [FaultKind: (sum: Double, count: Int)]

  private static func tally(
    _ trial: DetectorTrial, _ worth: (DetectorTrial.Find) -> Double?
  ) -> Tally {
    trial.finds.filter(DetectorTrial.moves).reduce(into: [:]) { tally, find in
      guard let worth = worth(find) else { return }
      let before = tally[find.fault, default: (0, 0)]
      tally[find.fault] = (before.sum + worth, before.count + 1)
    }
  }

  /// Each fault against the clean frames of its own source: their mean is the AUROC.
  private static func ranks(_ trials: [DetectorTrial]) -> [Tally] {
    trials.map { tally($0, \.rank) }
  }

  /// 1 for a fault that is found: their mean is the recall.
  private static func found(_ trials: [DetectorTrial], per1000: Double) -> [Tally] {
    trials.map { trial in
      let thresholds = (0..<2).map { trial.threshold(forHalf: $0, per1000: per1000) }
      return tally(trial) { $0.score > thresholds[$0.half] ? 1 : 0 }
    }
  }

  private static func share(of fault: FaultKind, in tallies: [Tally]) -> Double? {
    let parts = tallies.compactMap { $0[fault] }
    let count = parts.reduce(0) { $0 + $1.count }
    return count > 0 ? parts.reduce(0) { $0 + $1.sum } / Double(count) : nil
  }

  private static func meanShare(_ tallies: [Tally], _ faults: [FaultKind]) -> Double {
    mean(faults.compactMap { share(of: $0, in: tallies) })
  }

  private static func meanRecall(_ trials: [DetectorTrial], per1000: Double) -> Interval {
    let found = found(trials, per1000: per1000)
    return Bootstrap.interval(count: trials.count) { draw in
      meanShare(draw.map { found[$0] }, counted)
    }
  }

  /// False alarms among clean frames that the threshold was not set on, in 1000.
  private static func measured(_ trials: [DetectorTrial], per1000: Double) -> Double {
    var (alarms, count) = (0, 0)
    for trial in trials {
      for half in 0..<2 {
        let threshold = trial.threshold(forHalf: half, per1000: per1000)
        alarms += trial.clean[half].count { $0 > threshold }
        count += trial.clean[half].count
      }
    }
    return count > 0 ? 1000 * Double(alarms) / Double(count) : 0
  }

  /// With one fault in 36 frames, as they were put in, the false alarms that come with a find are those of
  /// 36 clean frames.
  private static func f1(
    _ fault: FaultKind, _ trials: [DetectorTrial], recall: Double, per1000: Double
  ) -> Double {
    let falseAlarms = measured(trials, per1000: per1000) / 1000 * 36
    return recall > 0 ? 2 * recall / (recall + falseAlarms + 1) : 0
  }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }
}

/// Intervals from draws with replacement (Efron 1979).
enum Bootstrap {
  /// - Parameters:
  ///   - count: how many things there are to draw.
  ///   - figure: of the things drawn, each by its place.
  static func interval(
    count: Int, draws: Int = 1000, figure: ([Int]) -> Double
  ) -> VideoBenchmarkReport.Interval {
    var generator = SeededGenerator(seed: 1, UInt64(count))
    let values = (0..<draws).map { _ in
      figure((0..<count).map { _ in generator.index(below: count) })
    }.sorted()
    return VideoBenchmarkReport.Interval(
      value: figure(Array(0..<count)), low: values[draws / 40], high: values[draws - 1 - draws / 40]
    )
  }
}

extension VideoBenchmarkReport {
  /// The tables, for a terminal.
  public var text: String {
    var lines = [
      "\(checkpoint): \(sources.count) sources: \(sources.joined(separator: ", "))", "",
    ]
    let faults = FaultKind.allCases.map(\.rawValue).filter { fault in
      summaries.contains { $0.faults[fault] != nil }
    }
    func table(_ title: String, _ figure: (Figures) -> Double) {
      lines.append(title.padding(toLength: 32, withPad: " ", startingAt: 0) + header(faults))
      for summary in summaries {
        let cells = faults.map { fault in
          summary.faults[fault].map { Self.cell(figure($0)) } ?? "     -"
        }
        lines.append(
          summary.detector.padding(toLength: 32, withPad: " ", startingAt: 0) + cells.joined())
      }
      lines.append("")
    }
    table("AUROC") { $0.auroc }
    table("higher than before") { $0.paired }
    for (place, rate) in Self.rates.enumerated() {
      table("recall at \(Int(rate)) per 1000") { $0.recall[place] }
      table("F1 at \(Int(rate)) per 1000") { $0.f1[place] }
    }
    if let counts = summaries.first?.faults {
      lines.append(
        "faults in moving frames".padding(toLength: 32, withPad: " ", startingAt: 0)
          + faults.map { String(format: "%6d", counts[$0]?.count ?? 0) }.joined())
      lines.append(
        "in still frames, left out".padding(toLength: 32, withPad: " ", startingAt: 0)
          + faults.map { String(format: "%6d", counts[$0]?.stillCount ?? 0) }.joined())
      lines.append("")
    }
    func row(_ cells: [String]) -> String {
      zip(cells, [32, 22] + Self.rates.map { _ in 29 } + [29]).map { cell, width in
        cell.padding(toLength: width, withPad: " ", startingAt: 0)
      }.joined()
    }
    lines.append(
      row(
        ["", "mean AUROC"] + Self.rates.map { "mean recall at \(Int($0)), measured" }
          + ["at 5 measured, chosen on them"]))
    for summary in summaries {
      let recalls = zip(summary.meanRecall, summary.measuredPer1000).map { recall, measured in
        Self.text(recall) + String(format: "  %4.1f", measured)
      }
      lines.append(
        row(
          [summary.detector, Self.text(summary.meanAUROC)] + recalls
            + [summary.meanRecallWithin5.map(Self.text) ?? "none"]))
    }
    lines.append("")
    for reference in references {
      for (name, interval) in gains[reference]!.sorted(by: { $0.key < $1.key }) {
        lines.append(
          "\(candidate) less \(reference), mean AUROC over \(name): "
            + String(format: "%+.4f [%+.4f, %+.4f]", interval.value, interval.low, interval.high))
      }
    }
    return lines.joined(separator: "\n")
  }

  private func header(_ faults: [String]) -> String {
    let short = [
      "shuffle3": "shuf3", "shuffle5": "shuf5", "duplicate": "dup", "noisyDuplicate": "ndup",
      "noisyFreeze": "nfrz", "teleport": "tele", "occlusion": "occl", "backwards": "back",
      "splice": "splic",
    ]
    return faults.map { fault in
      let name = short[fault] ?? fault
      return String(repeating: " ", count: max(1, 6 - name.count)) + name
    }.joined()
  }

  private static func cell(_ value: Double) -> String {
    "  "
      + String(format: value >= 0.9995 ? "%.2f" : "%.3f", value)
      .replacingOccurrences(of: "0.", with: ".").padding(toLength: 4, withPad: " ", startingAt: 0)
  }

  private static func text(_ interval: Interval) -> String {
    String(format: "%.3f [%.3f, %.3f]", interval.value, interval.low, interval.high)
  }

  /// The same as JSON.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

extension VideoBenchmarkReport {
  /// Writes the figures, whole or not at all.
  ///
  /// - Throws: `EvaluationError.notARegularFile`, `.system`.
  public func write(toJSON path: String) throws {
    try UnfinishedFile.make(at: path) { try $0.append(try json() + "\n") }
  }
}

import Files
import Foundation

/// Which rate of false alarms can be claimed, and on what grounds.
///
/// Frames count as independent draws from one source. Those of one shot are alike, so that a claim from few shots is
/// too bold: clean clips of many scenes are worth more than one long one.
public struct FalseAlarmClaim: Codable, Sendable, Equatable {
  /// Whose frames the threshold was set on.
  public enum Grounds: String, Codable, Sendable {
    /// The user's own clean clips.
    case calibration
    /// The clip that is scored: robust, but what is wrong with the clip is among it.
    case clip
  }

  public var grounds: Grounds
  /// Frames that the threshold was set on.
  public var frames: Int
  /// How many of them are above the threshold.
  public var alarms: Int
  /// What was asked for.
  public var wantedPer1000: Double
  /// The rate that those frames allow to be claimed at 95 % confidence: 3000 / frames where none is above the
  /// threshold. That of a calibration is never below what was asked for.
  public var certifiedPer1000: Double

  /// - Precondition: at least one frame.
  public init(grounds: Grounds, frames: Int, alarms: Int, wantedPer1000: Double) {
    precondition(frames > 0 && alarms >= 0, "a claim from \(alarms) alarms in \(frames) frames")
    self.grounds = grounds
    self.frames = frames
    self.alarms = alarms
    self.wantedPer1000 = wantedPer1000
    let bound = 1000 * Self.upperBound(alarms: alarms, frames: frames)
    certifiedPer1000 = grounds == .calibration ? max(wantedPer1000, bound) : bound
  }

  /// Whether the frames bear out what was asked for; those of the clip that is scored never do, for what is wrong with it
  /// is among them.
  public var isMet: Bool { grounds == .calibration && certifiedPer1000 <= wantedPer1000 }

  /// The greatest rate at which so few alarms in so many frames are still seen once in twenty times: the
  /// upper end of Clopper and Pearson's one-sided interval. With no alarms it is 1 - 0.05^(1/n), about
  /// 3/n.
  public static func upperBound(alarms: Int, frames: Int) -> Double {
    guard alarms < frames else { return 1 }
    func tail(_ rate: Double) -> Double {
      // P(at most `alarms` of `frames`) at this rate, in logarithms: of many frames each term is below the least
      // number.
      var term = Double(frames) * Foundation.log1p(-rate)
      var sum = term
      let odds = Foundation.log(rate) - Foundation.log1p(-rate)
      for k in 0..<alarms {
        term += Foundation.log(Double(frames - k) / Double(k + 1)) + odds
        sum = max(sum, term) + Foundation.log1p(Foundation.exp(-abs(sum - term)))
      }
      return Foundation.exp(sum)
    }
    var (low, high) = (0.0, 1.0 - 1e-12)
    for _ in 0..<80 {
      let middle = (low + high) / 2
      if tail(middle) > 0.05 { low = middle } else { high = middle }
    }
    return high
  }
}

extension FalseAlarmClaim: CustomStringConvertible {
  public var description: String {
    let rate =
      certifiedPer1000 >= 999.5 ? "1000" : String(format: "%.3g", certifiedPer1000)
    let claim: String
    switch grounds {
    case .calibration:
      let seen = alarms == 0 ? "none" : "\(alarms)"
      claim =
        "at most \(rate) false alarms in 1000 frames (95 %): \(seen) of \(frames) clean frames "
        + "\(alarms == 1 ? "is" : "are") above the threshold"
    case .clip:
      claim =
        "no calibration: the clip's own \(frames) frames that score 0 or less allow no better claim than a "
        + "false-alarm rate of \(rate) in 1000 (95 %)"
    }
    let needed = (3000 / wantedPer1000).rounded(.up)
    guard !isMet, needed > Double(frames) else { return claim }
    return claim
      + String(format: "; %.3g in 1000 would need %.0f clean frames", wantedPer1000, needed)
  }
}

/// The threshold for one source of clips, set on clean clips of it: what `jepa calibrate` writes.
///
/// All statistics speak through the one score that the threshold is for, so that there is one budget of
/// false alarms, not one for each statistic.
public struct ConsistencyCalibration: Codable, Sendable {
  /// A clean clip that it was made from.
  public struct Clip: Codable, Sendable {
    public let input: String
    public let frames: Int
    /// Frames of it that are above the threshold.
    public let alarms: Int

    public init(input: String, frames: Int, alarms: Int) {
      self.input = input
      self.frames = frames
      self.alarms = alarms
    }
  }

  /// What a clean clip says of its source.
  public struct Evidence: Sendable {
    public let input: String
    /// The log-odds of its frames, those left out that are never flagged or that an exact rule is heard in.
    public let logOdds: [Float]
    /// Frames that an exact rule finds, one that has its say at this source: each is a false alarm.
    public let exactAlarms: Int

    public init(_ input: String, logOdds: [Float], exactAlarms: Int = 0) {
      self.input = input
      self.logOdds = logOdds
      self.exactAlarms = exactAlarms
    }
  }

  /// What names the model's weights.
  public let model: String
  /// What names the rule's coefficients.
  public let rule: String
  /// Of how many frames of a clip one was taken: another motion has other scores.
  public let every: Int
  public let threshold: Float
  public let claim: FalseAlarmClaim
  /// What the exact rules look for and the clean clips hold: it is usual here, and is not flagged.
  public let ordinary: Set<ConsistencyVerdict.ExactRule>
  public let clips: [Clip]

  /// Sets the threshold so that the wanted rate is certified, where there are frames enough: as many of them above
  /// it as `FalseAlarmClaim.upperBound` allows. Fewer frames leave none above it, and the tail of their scores is
  /// continued to the rate (`ScoreTail`).
  ///
  /// Where that is below the rule's own threshold, it is taken only as far as the frames bear it out: with w =
  /// frames / frames that the wanted rate needs (3000 / wanted), at most 1, the threshold is w of the way down.
  ///
  /// - Parameters:
  ///   - clean: of each clean clip.
  ///   - wantedPer1000: false alarms in 1000 frames, above 0.
  ///   - model: what names the weights that the scores are of.
  ///   - rule: that the scores are of.
  ///   - every: of how many frames of a clip one was taken.
  ///   - ordinary: exact rules that the clean clips meet.
  /// - Precondition: at least one frame.
  public init(
    clean: [Evidence], wantedPer1000: Double, model: String, rule: ConsistencyRule,
    every: Int = 1, ordinary: Set<ConsistencyVerdict.ExactRule> = []
  ) {
    let all = clean.flatMap(\.logOdds)
    let tail = Self.certified(
      all, rate: wantedPer1000 / 1000,
      exactAlarms: clean.reduce(0) { $0 + $1.exactAlarms })
    let evidence = Float(min(1, Double(all.count) * wantedPer1000 / 3000))
    let threshold = max(tail, rule.threshold + evidence * (tail - rule.threshold))
    self.model = model
    self.rule = rule.fingerprint
    self.every = every
    self.threshold = threshold
    self.ordinary = ordinary
    clips = clean.map { entry in
      Clip(
        input: entry.input, frames: entry.logOdds.count + entry.exactAlarms,
        alarms: entry.logOdds.count { $0 > threshold } + entry.exactAlarms)
    }
    claim = FalseAlarmClaim(
      grounds: .calibration, frames: clips.reduce(0) { $0 + $1.frames },
      alarms: clips.reduce(0) { $0 + $1.alarms },
      wantedPer1000: wantedPer1000)
  }

  /// The lowest threshold whose alarms among the scores still certify the rate; that of the continued tail where
  /// even none does not.
  private static func certified(_ scores: [Float], rate: Double, exactAlarms: Int) -> Float {
    let sorted = scores.sorted(by: >)
    // How many counts of alarms, from none on, certify the rate; more alarms never do where fewer do not.
    var (certifying, tooMany) = (0, sorted.count + 1)
    while tooMany - certifying > 1 {
      let middle = (certifying + tooMany) / 2
      let bound = FalseAlarmClaim.upperBound(
        alarms: middle - 1 + exactAlarms, frames: sorted.count + exactAlarms)
      if bound <= rate { certifying = middle } else { tooMany = middle }
    }
    // With the k-th highest score as the threshold, k - 1 are above it.
    return certifying > 0
      ? sorted[certifying - 1] : max(sorted[0], ScoreTail.threshold(of: scores, rate: rate))
  }

  /// The threshold of a clip that calibrates itself: the rule's own, or the median of the clip's log-odds plus
  /// `spreads` robust standard deviations (1.4826 MAD) where that is higher: in a clip of rough motion, more is
  /// usual.
  static func ownThreshold(
    _ logOdds: [Float], rule: ConsistencyRule, spreads: Float = 6
  ) -> Float {
    let median = logOdds.upperMedian ?? 0
    let deviation = 1.4826 * (logOdds.map { abs($0 - median) }.upperMedian ?? 0)
    return max(rule.threshold, median + spreads * deviation)
  }

  /// Reads a calibration, and checks that it belongs to this model and this rule, and to clips of which as many
  /// frames are taken.
  ///
  /// - Throws: `ConsistencyError.otherModel`, `.otherFrames`; `FileError.invalidJSON`, `.failed`.
  public static func read(
    from path: String, model: String, rule: String, every: Int = 1
  ) throws -> ConsistencyCalibration {
    let calibration = try JSONFile.read(ConsistencyCalibration.self, from: path)
    guard calibration.model == model else {
      throw ConsistencyError.otherModel(
        path: path, what: "model", expected: model, found: calibration.model)
    }
    guard calibration.rule == rule else {
      throw ConsistencyError.otherModel(
        path: path, what: "rule", expected: rule, found: calibration.rule)
    }
    guard calibration.every == every else {
      throw ConsistencyError.otherFrames(path: path, expected: calibration.every, found: every)
    }
    return calibration
  }

  /// Writes the calibration, whole or not at all.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  public func write(to path: String) throws { try JSONFile.write(self, to: path) }
}

/// What can be wrong with a score that is asked for.
public enum ConsistencyError: Error, Equatable, Sendable {
  /// Too few frames to say anything.
  case tooFewFrames(path: String, needed: Int, found: Int)
  /// A checkpoint without a rule that weighs its statistics.
  case noRule(path: String)
  /// A calibration, or a rule, that was made for other weights.
  case otherModel(path: String, what: String, expected: String, found: String)
  /// A calibration of clips of which one frame in another number was taken.
  case otherFrames(path: String, expected: Int, found: Int)
  /// Memory or a device gave out while a clip was scored.
  case clipFailed(path: String, reason: String)
}

extension ConsistencyError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .tooFewFrames(let path, let needed, let found):
      "\(path): expected at least \(needed) frames, found \(found)"
    case .noRule(let path):
      "\(path) is missing: jepa benchmark video CLIPS… --checkpoint … --fit makes it"
    case .otherModel(let path, let what, let expected, let found):
      "\(path) was made for another \(what): expected \(expected), found \(found)"
    case .otherFrames(let path, let expected, let found):
      "\(path) was made with --every \(expected), found --every \(found)"
    case .clipFailed(let path, let reason):
      "\(path): \(reason)"
    }
  }

  public var errorDescription: String? { description }
}

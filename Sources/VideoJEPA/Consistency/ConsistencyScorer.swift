import Files
import Foundation
import Frames
import Pictures
import Torch
import TrainingRuns

/// A model of clips, the rule that weighs what it and the pixels say, and how to open both.
public struct ConsistencyModel {
  public let clips: ClipModel
  public let rule: ConsistencyRule
  /// What names the model's weights.
  public let fingerprint: String
  /// What names the rule's coefficients.
  public let ruleFingerprint: String
  public let device: Device

  /// The rule's file in a checkpoint's folder.
  public static let ruleName = "rule.json"

  /// What `rule.json` holds.
  struct RuleFile: Codable {
    /// The model that the rule was fitted for.
    let model: String
    let rule: ConsistencyRule
  }

  /// Opens the checkpoint in a run folder (the latest) or a checkpoint's own folder.
  ///
  /// - Throws: `ConsistencyError.noRule`, `.otherModel`; what `ClipModel.load` throws.
  public static func load(from path: String, device: Device = .cpu) throws -> ConsistencyModel {
    let checkpoint = try Checkpoint.open(at: path)
    let fingerprint = try ClipModel.fingerprint(of: checkpoint)
    let file = checkpoint.file(ruleName)
    guard FileManager.default.fileExists(atPath: file) else {
      throw ConsistencyError.noRule(path: file)
    }
    let saved = try JSONFile.read(RuleFile.self, from: file)
    guard saved.model == fingerprint else {
      throw ConsistencyError.otherModel(
        path: file, what: "model", expected: fingerprint, found: saved.model)
    }
    return ConsistencyModel(
      clips: try ClipModel.load(checkpoint, device: device), rule: saved.rule,
      fingerprint: fingerprint, device: device)
  }

  /// - Parameters:
  ///   - clips: what encodes and predicts frames.
  ///   - rule: what judges the statistics.
  ///   - fingerprint: what names the weights of `clips`.
  ///   - device: where the numbers are computed.
  public init(clips: ClipModel, rule: ConsistencyRule, fingerprint: String, device: Device = .cpu) {
    self.clips = clips
    self.rule = rule
    self.fingerprint = fingerprint
    self.device = device
    ruleFingerprint = rule.fingerprint
  }

  /// Puts a rule beside the weights that it was fitted for.
  ///
  /// - Throws: `RunError`.
  public static func write(_ rule: ConsistencyRule, toCheckpoint path: String) throws {
    let checkpoint = try Checkpoint.open(at: path)
    try checkpoint.put(
      RuleFile(model: ClipModel.fingerprint(of: checkpoint), rule: rule),
      as: ruleName)
  }

  /// Makes a run folder of a checkpoint's model and a rule for it, without what only training needs.
  ///
  /// - Parameters:
  ///   - rule: what judges the statistics.
  ///   - path: the checkpoint, or its run.
  ///   - output: a new or empty folder.
  /// - Throws: `RunError.outputNotEmpty`; `FileError.diskFull`, `.failed`.
  @discardableResult
  public static func publish(
    _ rule: ConsistencyRule, ofCheckpoint path: String, to output: String
  ) throws -> Checkpoint {
    let source = try Checkpoint.open(at: path)
    let file = RuleFile(model: try ClipModel.fingerprint(of: source), rule: rule)
    return try RunFolder.create(at: output).publishCheckpoint(step: source.step) { folder in
      let network = ClipModel.hypothesesName
      let hasNetwork = FileManager.default.fileExists(atPath: source.file(network))
      for name in ClipModel.fileNames + ["config.yaml"] + (hasNetwork ? [network] : []) {
        try FileManager.default.copyItem(atPath: source.file(name), toPath: "\(folder)/\(name)")
      }
      try JSONFile.write(file, to: "\(folder)/\(ruleName)")
    }
  }
}

/// Reads a clip once, from its first frame to its last, and measures every frame.
public enum ClipMeasurement {
  /// Measures all frames that a source has left.
  ///
  /// Memory does not grow with the frames' number but for the table itself.
  ///
  /// - Parameters:
  ///   - source: the frames.
  ///   - model: nil leaves the statistics of tokens NaN.
  ///   - device: where the numbers are computed.
  ///   - groupSize: frames that are encoded at once.
  ///   - progress: called with the number of frames that are done.
  /// - Throws: `FrameError`.
  public static func table(
    of source: any FrameSource, model: ClipModel?, device: Device = .cpu, groupSize: Int = 32,
    progress: (Int) -> Void = { _ in }
  ) throws(FrameError) -> FrameTable {
    var table = FrameTable(Statistic.all)
    var pixels = PixelMeter()
    let tokens = model.map { TokenMeter($0, device: device, groupSize: groupSize) }
    while let frame = try source.next() {
      table.append(index: frame.index, seconds: frame.seconds)
      pixels.append(frame, to: &table)
      tokens?.append(frame.image, to: &table)
      progress(table.count)
    }
    pixels.finish(&table)
    tokens?.finish(&table)
    compare(&table)
    return table
  }

  private static func compare(_ table: inout FrameTable) {
    for statistic in Statistic.relative {
      let ratios = RuleFeature.ratio(statistic: statistic, offset: 0).values(in: table)
      table.set(ratios, of: .ratio(statistic), from: 0)
    }
  }

  /// The same frames measured by several models; what pixels say is measured once.
  public static func tables(
    of images: [RGBImage], framesPerSecond: Double, models: [ClipModel], device: Device = .cpu
  ) throws(FrameError) -> [FrameTable] {
    func source() -> MemoryFrameSource {
      MemoryFrameSource(images, framesPerSecond: framesPerSecond)
    }
    let pixels = try table(of: source(), model: nil)
    return models.map { model in
      var table = pixels
      let tokens = TokenMeter(model, device: device)
      for image in images { tokens.append(image, to: &table) }
      tokens.finish(&table)
      compare(&table)
      return table
    }
  }
}

/// Scores how consistent the frames of a clip are, and says where it breaks.
public struct ConsistencyScorer {
  public let model: ConsistencyModel
  public let calibration: ConsistencyCalibration?
  private let groupSize: Int

  /// Frames that a clip must have: a middle frame has two on either side.
  public static let leastFrames = 5

  public init(
    _ model: ConsistencyModel, calibration: ConsistencyCalibration? = nil, groupSize: Int = 32
  ) {
    self.model = model
    self.calibration = calibration
    self.groupSize = groupSize
  }

  /// Scores all frames that a source has left.
  ///
  /// - Throws: `ConsistencyError.tooFewFrames`, `FrameError`.
  public func score(
    _ source: any FrameSource, progress: (Int) -> Void = { _ in }
  ) throws -> ConsistencyReport {
    let table = try ClipMeasurement.table(
      of: source, model: model.clips, device: model.device, groupSize: groupSize,
      progress: progress)
    guard table.count >= Self.leastFrames else {
      throw ConsistencyError.tooFewFrames(
        path: source.name, needed: Self.leastFrames, found: table.count)
    }
    let judgements = model.rule.judge(table)
    let logOdds = judgements.map(\.score)
    let threshold =
      calibration?.threshold ?? ConsistencyCalibration.ownThreshold(logOdds, rule: model.rule)
    let ordinary = calibration?.ordinary ?? []
    let verdict = ConsistencyVerdict(
      table, judgements: judgements, threshold: threshold, ignoring: ordinary)
    let claim =
      calibration?.claim
      ?? FalseAlarmClaim(
        grounds: .clip, frames: max(1, verdict.scores.count { $0 <= 0 }), alarms: 0,
        wantedPer1000: 1)
    return ConsistencyReport(
      input: source.name, framesPerSecond: source.framesPerSecond, table: table, logOdds: logOdds,
      threshold: threshold, verdict: verdict, claim: claim, model: model.fingerprint,
      problems: source.problems, ordinary: ordinary)
  }
}

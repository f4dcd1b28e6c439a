import Files
import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import Frames
@testable import Pictures
@testable import VideoJEPA

/// Statistics of frames, the rule that weighs them, thresholds and what can be claimed for them.
@Suite struct ConsistencyTests {
  static func measured(
    _ frames: [RGBImage], _ model: ClipModel? = nil, groupSize: Int = 32
  ) throws -> FrameTable {
    try ClipMeasurement.table(of: MemoryFrameSource(frames), model: model, groupSize: groupSize)
  }

  static func isSame(_ left: [Float], _ right: [Float]) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }

  // MARK: Statistics

  /// Whatever portions frames come in, and however many are there at once: what is held back is told later,
  /// and it is the same.
  @Test func streamingEqualsTheWhole() throws {
    let model = try ClipModelTests.stirred()
    let frames = MovingShapes.frames(41, cuts: [23], seed: 3)
    let table = try Self.measured(frames, model, groupSize: 8)

    // From the definitions, on all frames at once.
    let scaler = FrameScaler(size: model.frameSize)
    let size = model.frameSize
    var pixels = [Float](repeating: 0, count: frames.count * 3 * size * size)
    pixels.withUnsafeMutableBufferPointer { pixels in
      for (number, frame) in frames.enumerated() {
        scaler.bytes(of: frame).withUnsafeBufferPointer {
          ClipChange().render(
            $0.baseAddress!, size: size, normalization: .imageNet,
            to: pixels.baseAddress! + number * 3 * size * size)
        }
      }
    }
    let maps = withoutGradient {
      model.encoder.maps(of: Tensor(pixels, shape: [1, frames.count, 3, size, size]))
    }
    for mode in PredictionMode.allCases {
      let whole = withoutGradient { ClipPredictions(mode, of: maps, by: model.predictor)! }
      let expected = whole.energies[0].mean(1, 2).array(of: Float.self)
      let found = table[.energy(mode, .mean)]
      for row in 0..<frames.count {
        guard whole.targets.contains(row) else {
          #expect(found[row].isNaN, "\(mode) of frame \(row) has no whole context")
          continue
        }
        let value = expected[row - whole.targets.lowerBound]
        #expect(abs(found[row] - value) <= 1e-4 * value, "\(mode) of frame \(row)")
      }
    }
    // Groups of other sizes differ by rounding alone.
    for groupSize in [1, 3, 41, 100] {
      let other = try Self.measured(frames, model, groupSize: groupSize)
      for name in table.statistics {
        // A ratio is a logarithm: what is rounding in its two sides is a difference in it, however near 0.
        let smallest: Float = name.key.hasSuffix("Ratio") ? 2 : 1e-3
        for (left, right) in zip(table[name], other[name]) {
          #expect(
            left == right || (left.isNaN && right.isNaN)
              || abs(left - right) <= 1e-4 * max(abs(left), smallest),
            "\(name), groups of \(groupSize)")
        }
      }
    }
    // The same groups give the same bits.
    let again = try Self.measured(frames, model, groupSize: 8)
    for name in table.statistics { #expect(Self.isSame(table[name], again[name]), "\(name)") }
  }

  @Test func distancesStandAtTheLaterFrame() throws {
    let frames = MovingShapes.frames(12)
    let table = try Self.measured(frames)
    let grey = frames.map { GreyFrame($0) }
    for lag in 1...5 {
      for row in lag..<12 {
        let expected = grey[row].distance(to: grey[row - lag])
        #expect(table[.distance(.pixels, lag: lag, .mean)][row] == Float(expected.mean))
        #expect(table[.distance(.pixels, lag: lag, .top)][row] == Float(expected.top))
      }
      #expect(table[.distance(.pixels, lag: lag, .mean)][..<lag].allSatisfy { $0.isNaN })
    }
    #expect(
      table[.pixelDifference(.mean)].dropFirst()
        == table[.distance(.pixels, lag: 1, .mean)].dropFirst())
    // Nothing of tokens is known without a model.
    #expect(table[.energy(.past, .mean)].allSatisfy { $0.isNaN })
  }

  // MARK: Features

  @Test func featuresAreWrittenAndRead() throws {
    let features: [RuleFeature] = [
      .ratio(statistic: .energy(.past, .mean), offset: -1),
      .level(statistic: .pixelDifference(.mean), offset: 0),
      .value(statistic: .orderRatio, offset: 2),
      .pair(.tokens, .top, first: -3, second: 1),
    ]
    for feature in features { #expect(RuleFeature(feature.description) == feature) }
    let coded = try JSONDecoder().decode(
      [RuleFeature].self, from: JSONEncoder().encode(features))
    #expect(coded == features)
    for text in [
      "", "ratio x", "ratio x y", "ratio somethingElse 0", "pair tokenDistance 1 2", "pair a* 0 1",
      "pair tokenDistance* 1 0", "pair tokenDistance* 0 9", "sum orderRatio 1",
    ] {
      #expect(RuleFeature(text) == nil, "\(text)")
    }
    #expect(features[3].statistic == .distance(.tokens, lag: 4, .top))
  }

  @Test func featuresAreThoseOfTheirFormulas() {
    var table = FrameTable(
      [.energy(.past, .mean)] + (1...5).map { .distance(.tokens, lag: $0, .mean) })
    for frame in 0..<12 {
      table.append(index: frame, seconds: 0)
      table.set(frame == 6 ? 8 : 1, of: .energy(.past, .mean), at: frame)
      for lag in 1...5 where frame >= lag {
        table.set(Float(lag), of: .distance(.tokens, lag: lag, .mean), at: frame)
      }
    }
    let ratio = RuleFeature.ratio(statistic: .energy(.past, .mean), offset: 0).values(in: table)
    #expect(abs(ratio[6] - log(8.001 / 1.001)) < 1e-5)
    #expect(ratio[5] == 0 && ratio[11] == 0)
    let later = RuleFeature.ratio(statistic: .energy(.past, .mean), offset: 1).values(in: table)
    #expect(later[5] == ratio[6] && later[11].isNaN)

    // Six frames have five pairs at distance 1, four at 2, …; the mean of their logs is taken away.
    let mean = (1...5).reduce(Float(0)) { $0 + Float(6 - $1) * log(Float($1) + 0.03) } / 15
    let pair = RuleFeature.pair(.tokens, .mean, first: -2, second: 1)
      .values(in: table)
    #expect(abs(pair[6] - (log(3.03) - mean)) < 1e-5)
    #expect(pair[0].isNaN, "frame -2 is not there")
  }

  // MARK: The rule

  static func scored(
    _ frames: [RGBImage], calibration: ConsistencyCalibration? = nil
  ) throws -> ConsistencyReport {
    let model = ConsistencyModel(
      clips: try ClipModelTests.model(), rule: sampleRule(), fingerprint: "m")
    return try ConsistencyScorer(model, calibration: calibration)
      .score(MemoryFrameSource(frames, name: "a clip"))
  }

  /// What is found is said to the caller, who knows where it belongs.
  @Test func aRunSaysWhatItFoundToItsCaller() throws {
    let folder = TemporaryPath("clips")
    let inputs = ["first", "second"].map { "\(folder.path)/\($0)" }
    for input in inputs {
      try MovingShapes.write(MovingShapes.frames(12, seed: 6), to: input)
    }
    let scorer = ConsistencyScorer(
      ConsistencyModel(clips: try ClipModelTests.model(), rule: sampleRule(), fingerprint: "m"))
    func said(of inputs: [String]) throws -> [String] {
      var lines: [String] = []
      _ = try ConsistencyRun(
        inputs: inputs, scorer: scorer, print: { lines.append($0) }, warn: { lines.append($0) }
      ).run()
      return lines
    }
    let one = try said(of: [inputs[0]])
    #expect(one.count == 1 && one[0].hasPrefix("\(inputs[0]): 12 frames"))
    let both = try said(of: inputs)
    #expect(both.count == 2 && both[0].hasPrefix("1. ") && both[1].hasPrefix("2. "))
  }

  @Test func theRuleIsTwoSided() throws {
    var frames = MovingShapes.frames(40, cuts: [25], seed: 6)
    frames[11] = frames[10]
    let report = try Self.scored(frames)
    #expect(report.ranges.map(\.kind) == [.duplicate, .cut])
    #expect(report.ranges.map(\.start) == [11, 25] && report.ranges.map(\.end) == [11, 25])
    #expect(report.ranges.map(\.statistic) == [.pixelDifference(.mean), .shotSeparation])
    #expect(report.ranges.allSatisfy { $0.score > 0 })
    #expect(abs(report.ranges[1].startSeconds - 1) < 1e-9)
    #expect(report.isFlagged && abs(report.consistency - 0.95) < 1e-9)
    let text = report.text
    #expect(text.hasPrefix("a clip: 40 frames, 0:01.600: 2 ranges flagged, 95.00 %"))
    #expect(text.contains("looks like"))
    #expect(text.contains("duplicate or freeze"))

    let clean = try Self.scored(MovingShapes.frames(40, seed: 6))
    #expect(!clean.isFlagged && clean.consistency == 1)
    #expect(clean.summary.contains("nothing flagged"))
  }

  @Test func aRuleIsSavedWithItsModelAndRefusedForAnother() throws {
    let run = TemporaryPath("rule")
    let folder = try RunFolder.create(at: run.path)
    let model = try ClipModelTests.model()
    let checkpoint = try folder.publishCheckpoint(step: 1) { path in
      try model.save(to: path)
      try "seed: 1".write(toFile: path + "/config.yaml", atomically: true, encoding: .utf8)
    }
    #expect {
      _ = try ConsistencyModel.load(from: run.path)
    } throws: {
      "\($0)".contains("rule.json is missing: jepa benchmark video")
    }
    try ConsistencyModel.write(sampleRule(), toCheckpoint: run.path)
    let loaded = try ConsistencyModel.load(from: run.path)
    #expect(loaded.ruleFingerprint == sampleRule().fingerprint)
    #expect(sampleRule(threshold: 4).fingerprint != sampleRule().fingerprint)

    let shipped = TemporaryPath("shipped")
    let published = try ConsistencyModel.publish(
      sampleRule(), ofCheckpoint: run.path, to: shipped.path)
    #expect(published.step == 1)
    #expect(try ConsistencyModel.load(from: shipped.path).fingerprint == loaded.fingerprint)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: published.path).sorted() == [
        "config.json", "config.yaml", "manifest.json", "model.safetensors",
        "predictor.safetensors", "rule.json",
      ])

    let other = try folder.publishCheckpoint(step: 2) {
      try ClipModelTests.stirred().save(to: $0)
    }
    try FileManager.default.copyItem(
      atPath: checkpoint.file("rule.json"), toPath: other.file("rule.json"))
    #expect {
      _ = try ConsistencyModel.load(from: other.path)
    } throws: {
      "\($0)".contains("rule.json was made for another model: expected ")
    }
  }

  @Test func tooFewFramesAreAnError() throws {
    for count in [1, 2, 4] {
      #expect {
        _ = try Self.scored(MovingShapes.frames(count))
      } throws: {
        "\($0)" == "a clip: expected at least 5 frames, found \(count)"
      }
    }
    #expect(try !Self.scored(MovingShapes.frames(5)).isFlagged)
  }

  @Test func aPictureThatStandsStillIsConsistent() throws {
    let still = [RGBImage](repeating: MovingShapes.frames(1)[0], count: 30)
    let line =
      "little moves: whether frames are missing, repeated or in another order can hardly be seen"
    #expect(try !Self.scored(still).isFlagged && Self.scored(still).text.contains(line))
    let plain = [RGBImage](
      repeating: RGBImage(width: 32, height: 32, color: RGBColor(9, 9, 9)),
      count: 30)
    #expect(try !Self.scored(plain).isFlagged && Self.scored(plain).text.contains(line))
    #expect(try !Self.scored(MovingShapes.frames(40, seed: 6)).text.contains("little moves"))
    #expect(try Self.scored(plain).summary.hasSuffix("100.00 % of frames consistent; little moves"))
  }

  // MARK: Thresholds

  @Test func zeroInNCertifiesThreeInN() {
    for frames in [100, 1000, 3000] {
      let bound = FalseAlarmClaim.upperBound(alarms: 0, frames: frames)
      #expect(abs(bound - (1 - pow(0.05, 1 / Double(frames)))) < 1e-9)
      #expect(abs(bound * Double(frames) - 3) < 0.06)
    }
    // Clopper and Pearson's interval for 2 of 100, one-sided: 6.16 %.
    #expect(abs(FalseAlarmClaim.upperBound(alarms: 2, frames: 100) - 0.0616) < 1e-4)
    #expect(FalseAlarmClaim.upperBound(alarms: 5, frames: 5) == 1)
    // Of many frames too, where each term of the sum is below the least number: nearly normal.
    let many = FalseAlarmClaim.upperBound(alarms: 1000, frames: 100_000)
    #expect(abs(many - (0.01 + 1.645 * (0.01 * 0.99 / 100_000).squareRoot())) < 2e-5, "\(many)")
  }

  @Test func claimsAreDowngradedWhereFramesAreTooFew() {
    let few = FalseAlarmClaim(grounds: .calibration, frames: 300, alarms: 0, wantedPer1000: 1)
    #expect(!few.isMet && abs(few.certifiedPer1000 - 9.94) < 0.01)
    #expect(
      few.description
        == "at most 9.94 false alarms in 1000 frames (95 %): none of 300 clean frames are above the "
        + "threshold; 1 in 1000 would need 3000 clean frames")
    let many = FalseAlarmClaim(grounds: .calibration, frames: 4000, alarms: 0, wantedPer1000: 1)
    #expect(many.isMet && many.certifiedPer1000 == 1)
  }

  @Test func thresholdsKeepTheBudgetOnTheirOwnClips() {
    let scores = (0..<2000).map { Float($0) / 100 }
    func calibration(_ wanted: Double) -> ConsistencyCalibration {
      ConsistencyCalibration(
        clean: [
          .init("a", logOdds: Array(scores[..<500])), .init("b", logOdds: Array(scores[500...])),
        ],
        wantedPer1000: wanted, model: "m", rule: sampleRule(threshold: 0))
    }
    let five = calibration(5)
    // Five of 2000 are no more than 5.3 in 1000 at 95 %, four no more than 4.6.
    #expect(five.clips.map(\.alarms) == [0, 4] && five.claim.alarms == 4 && five.claim.isMet)
    #expect(five.threshold == 19.95)
    let none = calibration(0.1)
    #expect(none.claim.alarms == 0 && none.threshold >= 19.99)
  }

  @Test func enoughFramesCertifyWhatIsAskedFor() {
    for count in [2000, 3000, 10_000] {
      let calibration = ConsistencyCalibration(
        clean: [.init("a", logOdds: (0..<count).map { Float($0 * 7919 % count) })],
        wantedPer1000: 1,
        model: "m", rule: sampleRule(threshold: 0))
      #expect(calibration.claim.isMet == (count >= 3000), "\(count)")
    }
  }

  /// What an exact rule finds in clean clips is a false alarm, where it keeps its say.
  @Test func exactFindsCountAsAlarms() {
    let scores = (0..<4000).map { Float($0) / 1000 }
    func calibration(_ finds: Int) -> ConsistencyCalibration {
      ConsistencyCalibration(
        clean: [.init("a", logOdds: scores, exactAlarms: finds)], wantedPer1000: 2, model: "m",
        rule: sampleRule(threshold: 0))
    }
    let (none, one, many) = (calibration(0), calibration(1), calibration(40))
    // The budget is one: what the exact rules take of it is not left for scores.
    #expect(one.threshold > none.threshold && one.claim.isMet)
    #expect(one.claim.frames == 4001 && one.clips[0].alarms == one.claim.alarms)
    #expect(!many.claim.isMet && many.claim.alarms >= 40 && many.threshold >= scores.last!)
  }

  @Test func claimsOfTheClipItselfAreNoCalibration() {
    let long = FalseAlarmClaim(grounds: .clip, frames: 14_163, alarms: 0, wantedPer1000: 1)
    #expect(!long.isMet && abs(long.certifiedPer1000 - 0.2115) < 1e-3)
    #expect(long.description.contains("no better claim than a false-alarm rate of 0.211 in 1000"))
    let all = FalseAlarmClaim(grounds: .calibration, frames: 100, alarms: 0, wantedPer1000: 1000)
    #expect(all.description.hasPrefix("at most 1000 false alarms in 1000 frames"))
    // A rate that no number of frames could bear out.
    let tiny = FalseAlarmClaim(grounds: .calibration, frames: 9, alarms: 0, wantedPer1000: 1e-16)
    #expect(tiny.description.contains("would need 30000000000000000000 clean frames"))
  }

  @Test func aDamagedNetworkOfHypothesesIsRefused() throws {
    let whole = try JSONEncoder().encode(TransitionHypotheses.pixels)
    #expect(
      try JSONDecoder().decode(TransitionHypotheses.self, from: whole)
        == TransitionHypotheses.pixels)
    for damaged in [
      #"{"floor":0.1,"layers":[]}"#, #"{"floor":0.1,"layers":[{"weights":[],"biases":[]}]}"#,
      #"{"floor":0.1,"layers":[{"weights":[[1],[1],[1],[1],[1],[1],[1]],"biases":[1,1,1,1,1,1,1]}]}"#,
    ] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(TransitionHypotheses.self, from: Data(damaged.utf8))
      }
    }
  }

  @Test func fewCleanFramesHardlyLowerTheThreshold() {
    func threshold(_ count: Int) -> Float {
      ConsistencyCalibration(
        clean: [.init("a", logOdds: [Float](repeating: -9, count: count))], wantedPer1000: 1,
        model: "m",
        rule: sampleRule(threshold: 1)
      ).threshold
    }
    #expect(threshold(30) > 0.89 && threshold(30) < 1)
    #expect(abs(threshold(1500) + 4) < 0.01)
    #expect(threshold(3000) == -9 && threshold(9000) == -9)
    // What clean clips reach is above the threshold however few frames there are.
    let high = ConsistencyCalibration(
      clean: [.init("a", logOdds: [7, 0, 0])], wantedPer1000: 1, model: "m",
      rule: sampleRule(threshold: 1))
    #expect(high.threshold >= 7)
  }

  @Test func tailsGoOnBeyondWhatWasSeen() {
    // Exponential scores of mean 2: one in a rate r is above -2 log r.
    var generator = SeededGenerator(seed: 3)
    let scores = (0..<400).map { _ in -2 * log(1 - generator.uniform()) }
    for rate in [0.05, 0.001, 0.0001] {
      let expected = Float(-2 * log(rate))
      let found = ScoreTail.threshold(of: scores, rate: rate)
      #expect(abs(found - expected) < 0.25 * expected, "\(rate): \(found), expected \(expected)")
    }
    #expect(ScoreTail.threshold(of: [1, 3, 2], rate: 1e-3) >= 3)
    #expect(ScoreTail.threshold(of: [5], rate: 1e-3) == 5)
  }

  @Test func aCalibrationOfAnotherModelIsRefused() throws {
    let calibration = ConsistencyCalibration(
      clean: [.init("a", logOdds: [1, 2, 3])], wantedPer1000: 1, model: "m", rule: sampleRule(),
      every: 2)
    let file = TemporaryPath("calibration")
    try calibration.write(to: file.path)
    let rule = sampleRule().fingerprint
    let read = try ConsistencyCalibration.read(from: file.path, model: "m", rule: rule, every: 2)
    #expect(read.threshold == calibration.threshold && read.claim == calibration.claim)
    #expect {
      _ = try ConsistencyCalibration.read(from: file.path, model: "m", rule: rule)
    } throws: {
      "\($0)" == "\(file.path) was made with --every 2, found --every 1"
    }
    for (model, rule, what) in [("x", rule, "model"), ("m", "x", "rule")] {
      #expect {
        _ = try ConsistencyCalibration.read(from: file.path, model: model, rule: rule, every: 2)
      } throws: {
        "\($0)".hasPrefix("\(file.path) was made for another \(what): expected x, found ")
      }
    }
    let frames = MovingShapes.frames(40, cuts: [25], seed: 6)
    let strict = ConsistencyCalibration(
      clean: [.init("a", logOdds: [100])], wantedPer1000: 1, model: "m", rule: sampleRule(),
      ordinary: [.cut])
    #expect(try !Self.scored(frames, calibration: strict).isFlagged)
  }
}

import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import Embeddings
@testable import Evaluation
@testable import Files
@testable import Frames
@testable import Pictures
@testable import VideoJEPA

/// Faults put into clips, rules fitted on some and tested on others, and the figures.
@Suite struct VideoBenchmarkTests {
  static func model() throws -> ClipModel {
    var predictor = ClipPredictorConfiguration()
    (predictor.width, predictor.blocks) = (16, 1)
    return try ClipModel(
      ClipModelDescription(frameSize: 32, tokenWidth: 12, predictor: predictor),
      using: RandomGenerator(seed: 1))
  }

  static func clip(_ seed: UInt64, cuts: [Int] = []) -> BenchmarkClip {
    BenchmarkClip(
      name: "clip \(seed)",
      images: MovingShapes.frames(130, width: 40, height: 32, cuts: cuts, seed: seed),
      nativeCuts: cuts)
  }

  static func trial(_ seed: UInt64, seeds: Int = 1, cuts: [Int] = []) throws -> FaultCampaign.Trial
  {
    var campaign = FaultCampaign()
    campaign.seeds = seeds
    return try campaign.trials(
      of: clip(seed, cuts: cuts), donor: clip(seed + 100), models: [model()], device: .cpu)[0]
  }

  @Test func everyFaultIsPutIn() throws {
    let trial = try Self.trial(1)
    let faults = Set(trial.broken.flatMap(\.events).map(\.fault))
    #expect(faults == Set(FaultKind.injected))
    #expect(trial.clean.events.isEmpty && trial.clean.cleanRows.count == 130)
    for broken in trial.broken {
      for event in broken.events {
        #expect(broken.cleanRows.allSatisfy { !event.found.contains($0) })
        #expect(event.rows.count <= 6)
      }
    }
  }

  @Test func whatLiesBesideAClipsOwnCutIsLeftOut() throws {
    let trial = try Self.trial(2, cuts: [60])
    #expect(trial.clean.cleanRows.allSatisfy { abs($0 - 60) > LabelledEvent.margin })
    for broken in trial.broken {
      let cut = try #require(broken.origins.firstIndex { ($0 ?? -1) >= 60 })
      for event in broken.events {
        #expect(!(event.rows.lowerBound - 6...event.rows.upperBound + 6).contains(cut))
      }
    }
  }

  @Test func aRuleFindsOnOtherClipsWhatItWasFittedOn() throws {
    let learned = try (3...6).map { try Self.trial($0) }
    let material = learned.flatMap { [$0.clean] + $0.broken }
    var options = RuleFitting.Options()
    options.strengths = [0.1, 100]
    let (rule, strength) = try RuleFitting.fit(material, evidence: .pixels, options: options)
    #expect(strength == 0.1, "what is held back that much tells nothing")
    // Its threshold is of unbroken frames, each counted once.
    #expect(rule.cleanFrames == learned.reduce(0) { $0 + $1.clean.cleanRows.count })
    #expect(Double(rule.cleanAlarms) <= 0.002 * Double(rule.cleanFrames))
    let tested = DetectorTrial(.rule("rule", rule), on: try Self.trial(11, seeds: 2))
    for fault in [FaultKind.splice, .duplicate, .flash] {
      let finds = tested.finds.filter { $0.fault == fault }
      #expect(!finds.isEmpty)
      let ranks = finds.compactMap(\.rank)
      #expect(ranks.count == finds.count)
      let auroc = ranks.reduce(0, +) / Double(ranks.count)
      #expect(auroc > 0.95, "\(fault.rawValue): \(auroc)")
    }
    // What it calls a splice is a cut.
    let broken = try #require(
      try Self.trial(11).broken.first { $0.events.contains { $0.fault == .splice } })
    let judgements = rule.judge(broken.table)
    for event in broken.events where event.fault == .splice {
      #expect(judgements[event.rows.lowerBound].kind == .cut)
    }
    // Coefficients are read back as they were written.
    let copy = try JSONDecoder().decode(ConsistencyRule.self, from: JSONEncoder().encode(rule))
    #expect(copy.fingerprint == rule.fingerprint)
  }

  @Test(.enabled(if: FFmpegTools().areInstalled, "no ffmpeg on PATH"))
  func reencodingKeepsFramesAndLosesBits() throws {
    // 45 pixels: coders of video want even sides.
    let frames = MovingShapes.frames(20, width: 45, height: 32)
    let good = try Reencoding(rateFactor: 10)(frames, framesPerSecond: 25)
    let coarse = try Reencoding(rateFactor: 40)(frames, framesPerSecond: 25)
    func loss(_ other: [RGBImage]) -> Double {
      zip(frames, other).reduce(0) { $0 + GreyFrame($1.0).distance(to: GreyFrame($1.1)).mean }
    }
    for other in [good, coarse] {
      #expect(other.count == 20 && other.allSatisfy { $0.width == 45 && $0.height == 32 })
    }
    #expect(loss(good) > 0 && loss(coarse) > 2 * loss(good))
  }

  /// Scores that a threshold is set on are those of a rule that has not seen the clip: what is learned by heart
  /// would be below it.
  @Test func thresholdsAreForOtherSources() throws {
    let clips = try (3...6 as ClosedRange<UInt64>).flatMap { seed -> [LabelledClip] in
      let trial = try Self.trial(seed)
      return [trial.clean] + trial.broken
    }
    var options = RuleFitting.Options()
    (options.strengths, options.falseAlarmsPer1000) = ([1e-2], 20)
    let rule = try RuleFitting.fit(clips, evidence: .pixels, options: options).rule
    let known = clips.filter { !$0.isBroken }.flatMap { clip in
      let judgements = rule.judge(clip.table)
      return clip.cleanRows.map { judgements[$0].score }
    }
    #expect(rule.threshold > ScoreTail.threshold(of: known, rate: 0.02))
  }

  /// A clip that is both fitted and tested on would prove nothing, and nothing that is read is written over.
  @Test func clipsAreNamedOnce() throws {
    let folder = TemporaryPath("benchmark")
    try MovingShapes.write(MovingShapes.frames(12), to: folder.path)
    func run(_ clips: [String], fittedOn others: [String]) throws {
      _ = try VideoBenchmark(clips: clips, fittingClips: others, checkpoint: "nowhere").run(
        writesRule: false)
    }
    let same = folder.path + "/../" + URL(fileURLWithPath: folder.path).lastPathComponent
    #expect {
      try run([folder.path], fittedOn: [same])
    } throws: {
      "\($0)" == "clips: expected each clip once, found \(same) twice"
    }
    let frame = folder.path + "/frame0.png"
    #expect {
      try OutputFiles([OutputFile("--json", frame, .figures)]).check(against: ["elsewhere", frame])
    } throws: {
      "\($0)" == "--json: expected a file that is not read, found \(frame)"
    }
  }

  @Test func nothingToLearnFromIsAnError() throws {
    let clean = try Self.trial(7).clean
    #expect {
      _ = try RuleFitting.fit([clean], evidence: .pixels)
    } throws: {
      "\($0)".contains("faults to fit a rule")
    }
    let broken = try Self.trial(7).broken
    #expect {
      _ = try RuleFitting.fit([clean] + broken, evidence: .pixels)
    } throws: {
      "\($0)".contains("sources to fit a rule")
    }
  }

  @Test func evidenceGrows() {
    let counts = RuleEvidence.allCases.map(\.features.count)
    #expect(counts == counts.sorted() && Set(counts).count == 3)
    for (smaller, larger) in [(RuleEvidence.pixels, RuleEvidence.copying), (.copying, .energy)] {
      #expect(smaller.features.allSatisfy(larger.features.contains))
    }
    #expect(!RuleEvidence.pixels.features.contains { $0.statistic.key.hasPrefix("token") })
    let known = Set(Statistic.all)
    for feature in RuleEvidence.energy.features { #expect(known.contains(feature.statistic)) }
  }

  @Test func halvesAreJudgedByTheOther() throws {
    let trial = DetectorTrial(.statistic(.pixelDifference(.mean)), on: try Self.trial(8))
    #expect(trial.clean.allSatisfy { !$0.isEmpty })
    for half in 0..<2 {
      let expected = ScoreTail.threshold(of: trial.clean[1 - half], rate: 0.005)
      #expect(trial.threshold(forHalf: half, per1000: 5) == expected)
    }
    // What came later at the same source is calibrated on, too.
    var campaign = FaultCampaign()
    campaign.sceneSize = FrameSize(width: 40, height: 32)
    (campaign.sceneLength, campaign.laterLength) = (100, 30)
    let scene = try #require(
      try campaign.syntheticTrials(1, firstSeed: 1, models: [Self.model()], device: .cpu)[0].first)
    let longer = DetectorTrial(.statistic(.pixelDifference(.mean)), on: scene)
    #expect(longer.later.count == 30 && longer.clean.map(\.count) == [50, 50])
    #expect(
      longer.threshold(forHalf: 0, per1000: 5)
        == ScoreTail.threshold(of: longer.clean[1] + longer.later, rate: 0.005))
    let counts = Dictionary(grouping: scene.broken.flatMap(\.events), by: \.fault).mapValues(
      \.count)
    for (fault, count) in [FaultKind.morph: 3, .turn: 3, .backwards: 3, .occlusion: 1] {
      #expect(counts[fault] == count, "\(fault)")
    }
  }

  @Test func longFaultsAreComparedWithLongCleanWindows() throws {
    #expect(DetectorTrial.maxima(of: [1, 5, 2, 0, 3], 1) == [1, 5, 2, 0, 3])
    #expect(DetectorTrial.maxima(of: [1, 5, 2, 0, 3], 3) == [5, 5, 3])
    #expect(DetectorTrial.maxima(of: [1, 5], 3).isEmpty)
    // What says nothing has an even chance, however many frames the fault has.
    var generator = SeededGenerator(seed: 3)
    let noise = Detector(name: "noise", model: 0) { table in
      (0..<table.count).map { _ in generator.uniform() }
    }
    let trial = try Self.trial(20)
    let ranks = (0..<100).flatMap { _ in DetectorTrial(noise, on: trial).finds.compactMap(\.rank) }
    let mean = ranks.reduce(0, +) / Double(ranks.count)
    #expect(ranks.count > 1000 && abs(mean - 0.5) < 0.02, "\(mean) of \(ranks.count)")
  }

  @Test func everyStatisticSpeaksForItself() throws {
    let trial = try Self.trial(9)
    let names = Detector.statistics.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.contains("orderRatio") && !names.contains("energyPastRatio"))
    #expect(
      names == Statistic.all.map(\.key).filter { $0 == "orderRatio" || !$0.hasSuffix("Ratio") })
    for detector in Detector.statistics {
      let scores = detector.scores(trial.clean.table)
      #expect(scores.count == 130 && scores.allSatisfy(\.isFinite), "\(detector.name)")
    }
    // Little of a hypothesis' energy says that it holds, a little of that of the next frame that nothing does.
    let table = try #require(trial.broken.first { $0.events.contains { $0.fault == .swap } })
    let swap = try #require(table.events.first { $0.fault == .swap })
    for hypothesis in [TransitionHypothesis.swapped, .next] {
      let scores = Detector.statistic(.misfit(hypothesis, .pixels)).scores(table.table)
      let found = try #require(swap.found.map { scores[$0] }.max())
      let clean = table.cleanRows.map { scores[$0] }.sorted()
      #expect(found > clean[clean.count / 2], "\(hypothesis)")
    }
  }

  @Test func theVerdictPutsExactFindsFirst() throws {
    let trial = try Self.trial(10)
    let spliced = try #require(trial.broken.first { $0.events.contains { $0.fault == .splice } })
    let scores = Detector.verdict("verdict", sampleRule()).scores(spliced.table)
    let cuts = spliced.table[.isCut].indices.filter { spliced.table[.isCut][$0] == 1 }
    #expect(!cuts.isEmpty && cuts.allSatisfy { scores[$0] > 90 })
    #expect(scores.filter { $0 > 90 }.count < 20)
  }

  @Test func meansAreOverFaultsThenOverSources() throws {
    let detector = Detector.statistic(.pixelDifference(.mean))
    let trials = try [11, 12].map { DetectorTrial(detector, on: try Self.trial(UInt64($0))) }
    let tally = FaultTally.ranks(trials)
    let ranks = trials.flatMap { $0.moving(.splice) }.compactMap(\.rank)
    let share = try #require(tally.meanShare(of: [.splice]))
    #expect(abs(share - ranks.reduce(0, +) / Double(ranks.count)) < 1e-12)
    #expect(tally.meanShare(of: [.morph]) == nil)
    let pair = try #require(tally.meanShare(of: [.splice, .block, .morph]))
    let other = try #require(tally.meanShare(of: [.block]))
    #expect(abs(pair - (share + other) / 2) < 1e-12)
    // A source that is drawn twice counts twice.
    let first = try #require(tally.meanShare(of: [.splice], in: [0, 0]))
    let alone = FaultTally.ranks([trials[0]]).meanShare(of: [.splice])
    #expect(first == alone)
  }

  @Test func theReportHasARowForStillFramesAndAnIntervalForEachFault() throws {
    let trials = try [13, 14, 15].map { try Self.trial($0) }
    func detected(_ statistic: Statistic) -> [DetectorTrial] {
      trials.map { DetectorTrial(.statistic(statistic), on: $0) }
    }
    let report = VideoBenchmarkReport(
      checkpoint: "c", names: ["pixelDifference", "interpolationError"],
      trials: [
        "pixelDifference": detected(.pixelDifference(.mean)),
        "interpolationError": detected(.interpolationError(.mean)),
      ], references: ["pixelDifference"], candidate: "interpolationError", seconds: 1)
    for summary in report.summaries {
      for (fault, figures) in summary.faults {
        #expect(figures.aurocInterval.value == figures.auroc, "\(fault)")
        // Faults that a single source has in moving frames have none.
        if let bounds = figures.aurocInterval.bounds {
          #expect((bounds.low...bounds.high).contains(figures.auroc))
        }
        #expect(figures.recallIntervals.map(\.value) == figures.recall)
      }
      #expect(summary.parts.map(\.name) == ["still", "slow", "fast", "filmed", "made up"])
      let counts = summary.parts.map(\.count)
      #expect(counts[1] + counts[2] == counts[3] + counts[4])
      #expect(counts[..<3].reduce(0, +) == trials.flatMap(\.broken).flatMap(\.events).count)
    }
    #expect(report.summaries.allSatisfy { $0.faults["splice"]?.aurocInterval.bounds != nil })
    let gain = try #require(report.gains["pixelDifference"]?["splice"])
    let (ours, theirs) = (report.summaries[1], report.summaries[0])
    let difference =
      try #require(ours.faults["splice"]).auroc - #require(theirs.faults["splice"]).auroc
    #expect(abs(gain.value - difference) < 1e-12)
    for words in ["AUROC gained on", "still (", "made up (", "shuffle5"] {
      #expect(report.text.contains(words), "\(words)")
    }
  }

  @Test func intervalsHoldTheirFigure() throws {
    let values = [0.1, 0.2, 0.4, 0.8]
    func interval(of known: Int) -> VideoBenchmarkReport.Interval {
      Bootstrap.interval(of: known, among: 4) { draw in draw.reduce(0) { $0 + values[$1] } / 4 }
    }
    let whole = interval(of: 4)
    let bounds = try #require(whole.bounds)
    #expect(abs(whole.value - 0.375) < 1e-12)
    #expect(bounds.low < 0.25 && bounds.high > 0.5)
    #expect(bounds.low >= 0.1 && bounds.high <= 0.8)
    // One source says nothing of how much sources differ.
    #expect(interval(of: 1).value == whole.value && interval(of: 1).bounds == nil)
  }
}

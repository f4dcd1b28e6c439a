import Files
import Foundation
import Frames
import Torch
import VideoJEPA

/// Known faults put into clean clips, and who finds them.
///
/// Every rule is fitted on other sources than those that it is tested on: on the clips of `fittingClips` and on other
/// scenes, or where no clip is given, on other scenes and two thirds of the tested sources, and tested on the last third,
/// in turn.
/// Thresholds are set per source, on the half of the clip that they are not tested on, and for synthetic scenes on what
/// comes after it.
public struct VideoBenchmark {
  private let clips: [String]
  private let fittingClips: [String]
  private let checkpoint: String
  private let device: Device
  private let seeds: Int
  private let syntheticClips: Int
  private let syntheticFittingClips: Int
  private let pictures: String?
  private let frameLimit: Int
  private let reencoding: Reencoding?
  private let say: (String) -> Void

  /// - Parameters:
  ///   - clips: what is tested on: videos or folders of frames that are clean.
  ///   - fittingClips: what rules are fitted on besides, and nothing is tested on.
  ///   - checkpoint: a run folder or a checkpoint's folder.
  ///   - seeds: how often each fault is put into each clip.
  ///   - syntheticClips: how many synthetic clips are tested on.
  ///   - syntheticFittingClips: how many others rules are fitted on.
  ///   - pictures: a folder of pictures that move in them.
  ///   - frameLimit: frames that are read of each clip.
  ///   - rateFactor: H.264's, 0…51, with which all clips are encoded after they were broken; nil for not at all.
  ///   - say: takes what is being done.
  public init(
    clips: [String], fittingClips: [String] = [], checkpoint: String, device: Device = .cpu,
    seeds: Int = 3, syntheticClips: Int = 8, syntheticFittingClips: Int = 8,
    pictures: String? = nil, frameLimit: Int = 600, rateFactor: Int? = nil,
    say: @escaping (String) -> Void = { _ in }
  ) {
    self.clips = clips
    self.fittingClips = fittingClips
    self.checkpoint = checkpoint
    self.device = device
    self.seeds = seeds
    self.syntheticClips = syntheticClips
    self.syntheticFittingClips = syntheticFittingClips
    self.pictures = pictures
    self.frameLimit = frameLimit
    reencoding = rateFactor.map(Reencoding.init)
    self.say = say
  }

  /// Breaks, measures, fits and tests.
  ///
  /// - Parameters:
  ///   - writesRule: whether the rule that was tested, or where no clip is only fitted on one fitted on everything,
  ///     becomes the checkpoint's.
  ///   - output: a new run folder for the model and that rule, without what only training needs.
  /// - Throws: `FrameError`, `RunError`, `InputError.tooFewItems` where a rule has nothing to learn from.
  public func run(
    writesRule: Bool, output: String? = nil
  ) throws -> VideoBenchmarkReport {
    let start = ContinuousClock.now
    // Half an hour of work is not to end at a name.
    try InputFiles.checkEachOnce(clips + fittingClips, called: "clips")
    if let output, FileManager.default.fileExists(atPath: output) {
      throw FileError.alreadyThere(path: output)
    }
    let trained = try ClipModel.load(from: checkpoint, device: device)
    let cutOuts = try pictures.map { try CutOut.all(inFolder: $0, atMost: 500) } ?? []
    let patches = (0..<16).map { scene in
      SyntheticClip(seed: 800_000 + UInt64(scene), pictures: cutOuts).image(at: 0)
    }
    let models = [
      trained, try trained.withRandomWeights(seed: 1, whitenedOn: patches, device: device),
    ]
    let (tested, fitted) = try trials(models, cutOuts)
    say("\(tested[0].count) sources to test on, \(fitted[0].count) more to fit on")

    var detectorTrials: [String: [(place: Int, trial: DetectorTrial)]] = [:]
    var names: [String] = []
    func add(_ detector: Detector, _ place: Int) {
      if detectorTrials[detector.name] == nil { names.append(detector.name) }
      let trial = DetectorTrial(detector, on: tested[detector.model][place])
      detectorTrials[detector.name, default: []].append((place, trial))
    }
    let everything = Array(tested[0].indices)
    for detector in Detector.statistics + Detector.untrainedEnergies {
      for place in everything { add(detector, place) }
    }
    func material(_ model: Int, _ places: [Int]) -> [LabelledClip] {
      (fitted[model] + places.map { tested[model][$0] }).flatMap {
        [$0.clean] + $0.broken + [$0.later].compactMap { $0 }
      }
    }
    let isFittedApart = !fittingClips.isEmpty && fitted[0].count > 1
    let parts =
      isFittedApart
      ? [everything]
      : (0..<min(Self.foldCount, everything.count)).map { fold in
        everything.filter { $0 % Self.foldCount == fold }
      }
    var testedRule: ConsistencyRule?
    let progress = WorkProgress()
    progress.begin("fitting rules", total: parts.count * Self.rules.count)
    for (number, part) in parts.enumerated() {
      let others = isFittedApart ? [] : everything.filter { !part.contains($0) }
      for (evidence, model, name) in Self.rules {
        let (rule, strength) = try RuleFitting.fit(material(model, others), evidence: evidence)
        progress.advance()
        say("part \(number + 1) of \(parts.count), \(name): a penalty of \(strength)")
        for place in part {
          add(.rule(name, rule, model: model), place)
          if name == Self.energyRule { add(.verdict(Self.verdict, rule), place) }
        }
        if name == Self.energyRule { testedRule = rule }
      }
    }
    if writesRule || output != nil {
      // The rule that was tested; one of several was not fitted on all that there is.
      let rule =
        isFittedApart
        ? testedRule! : try RuleFitting.fit(material(0, everything), evidence: .energy).rule
      if writesRule { try ConsistencyModel.write(rule, toCheckpoint: checkpoint) }
      if let output { try ConsistencyModel.publish(rule, ofCheckpoint: checkpoint, to: output) }
      say(
        "wrote \(ConsistencyModel.ruleName): \(rule.cleanAlarms) of \(rule.cleanFrames) clean frames of other "
          + "sources are above its threshold")
    }
    return VideoBenchmarkReport(
      checkpoint: checkpoint, names: names,
      trials: detectorTrials.mapValues { trials in
        trials.sorted { $0.place < $1.place }.map(\.trial)
      },
      references: [Self.pixelRule, Self.copyRule, Self.untrainedRule], candidate: Self.energyRule,
      seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  /// Where no clip is only fitted on, sources are tested in so many parts, each with rules fitted on the others.
  private static let foldCount = 3
  static let pixelRule = "rule: \(RuleEvidence.pixels.rawValue)"
  static let copyRule = "rule: \(RuleEvidence.copying.rawValue)"
  static let energyRule = "rule: \(RuleEvidence.energy.rawValue)"
  static let verdict = "verdict of jepa score"
  static let untrainedRule = "rule: pixels + untrained energy"
  private static let rules: [(RuleEvidence, Int, String)] = [
    (.pixels, 0, pixelRule), (.copying, 0, copyRule), (.energy, 0, energyRule),
    (.energy, 1, untrainedRule),
  ]

  /// For each model the trials that are tested on, and those that are only fitted on: other clips, other scenes, of
  /// every other picture.
  private func trials(
    _ models: [ClipModel], _ cutOuts: [CutOut]
  ) throws -> (tested: [[FaultCampaign.Trial]], fitted: [[FaultCampaign.Trial]]) {
    var test = FaultCampaign()
    test.seeds = seeds
    test.reencoding = reencoding
    var fit = test
    test.cutOuts = cutOuts.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    fit.cutOuts = cutOuts.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    // Nothing else of theirs can be learned.
    fit.semanticFaults = fit.semanticFaults.filter(\.isSudden)
    func read(_ paths: [String]) throws -> [BenchmarkClip] {
      try paths.map { try BenchmarkClip(path: $0, limit: frameLimit) }
    }
    let (testClips, fitClips) = (try read(clips), try read(fittingClips))
    let progress = WorkProgress()
    progress.begin(
      "measuring sources",
      total: testClips.count + fitClips.count + syntheticClips + syntheticFittingClips)
    func tell(_ source: String) {
      progress.advance()
      say(source)
    }
    func campaigns(
      _ campaign: FaultCampaign, _ clips: [BenchmarkClip], _ synthetic: Int, _ firstSeed: UInt64
    ) throws -> [[FaultCampaign.Trial]] {
      var byModel = try campaign.syntheticTrials(
        synthetic, firstSeed: firstSeed, models: models, device: device, say: tell)
      // Frames of another clip of the same part are spliced in, for nothing tested is to be fitted on; of a scene where
      // there is none.
      let scene = SyntheticClip(seed: firstSeed + 20_000, pictures: campaign.cutOuts)
      for (place, clip) in clips.enumerated() {
        let donor =
          clips.indices.first { $0 != place }.map { clips[$0] }
          ?? BenchmarkClip(name: "donor", images: (0..<40).map(scene.image(at:)))
        let trials = try campaign.trials(of: clip, donor: donor, models: models, device: device)
        for model in models.indices { byModel[model].append(trials[model]) }
        tell("\(clip.name): \(clip.images.count) frames, \(trials[0].broken.count) broken copies")
      }
      return byModel
    }
    return (
      try campaigns(test, testClips, syntheticClips, 600_000),
      try campaigns(fit, fitClips, syntheticFittingClips, 900_000)
    )
  }
}

import Files
import Foundation
import Frames
import Learning
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures
@testable import VideoJEPA

/// Clips in memory, windows of them, the trainer, and how a run goes wrong.
@Suite struct ClipTrainingTests {
  static let size = 32

  static func library(_ clips: [[RGBImage]]) -> ClipLibrary {
    var library = ClipLibrary(size: size)
    let scaler = FrameScaler(size: size)
    for (number, clip) in clips.enumerated() {
      var splitter = ShotSplitter()
      let frames = clip.map { scaler.bytes(of: $0) }
      for frame in clip { splitter.append(frame) }
      let cuts = splitter.finish()
      for (start, end) in zip([0] + cuts, cuts + [frames.count]) where end - start >= 8 {
        library.append(
          pixels: Array(frames[start..<end].joined()), path: "clip \(number)", firstFrame: start)
      }
    }
    return library
  }

  static func library() -> ClipLibrary {
    library([
      MovingShapes.frames(30, cuts: [17], seed: 1), MovingShapes.frames(14, seed: 2),
    ])
  }

  static func configuration(_ settings: [String] = []) throws -> ClipTrainingConfiguration {
    try ConfigurationReader.read(
      ClipTrainingConfiguration.self,
      overrides: [
        "duration.steps=6", "frameSize=\(size)", "batchSize=2", "threads=1", "logEverySteps=1",
        "predictor.width=16", "predictor.blocks=1", "tokenWidth=12", "method.directions=16",
      ] + settings)
  }

  /// What slow features are noticed by is of all processes' clips: three here, two of them in the first.
  @Test func theErrorOfCopyingIsThatOfAllClips() throws {
    let clips = Tensor.normal([3, 8, 3, 32, 32], using: RandomGenerator(seed: 2))
    func copyError(_ group: ProcessGroup?) throws -> Double {
      let method = ClipMethod(
        try ClipModelTests.model(), configuration: try Self.configuration().method)
      let share = ItemShare(of: 3, among: group)
      let error = method.energy(
        of: share.own(of: clips), share: share, using: RandomGenerator(seed: 3), precision: nil
      ).copyError
      group?.average([error])
      return error.item()
    }
    let whole = try copyError(nil)
    for part in try asProcesses(2, copyError) { #expect(abs(part - whole) < 1e-5 * whole) }
  }

  // MARK: Clips in memory

  @Test func cutsAreFoundAndMotionIsNone() {
    for (cuts, seed) in [([], 1), ([9], 2), ([5, 21], 3)] as [([Int], UInt64)] {
      var splitter = ShotSplitter()
      for frame in MovingShapes.frames(30, cuts: cuts, seed: seed) { splitter.append(frame) }
      #expect(splitter.finish() == cuts)
    }
    var nothing = ShotSplitter()
    #expect(nothing.finish().isEmpty)
  }

  @Test func windowsLieWithinOneShot() {
    let library = Self.library()
    #expect(library.shots.map(\.frameCount) == [17, 13, 14])
    #expect(library.shots.map(\.firstFrame) == [0, 17, 0])
    let windows = ClipWindows(of: library, windowLength: 8)
    #expect(windows.count == 3 + 2 + 2)
    var generator = SeededGenerator(seed: 1)
    var (steps, directions, mirrors) = (Set<Int>(), Set<Bool>(), Set<Bool>())
    for item in (0..<windows.count).flatMap({ [Int](repeating: $0, count: 30) }) {
      let window = windows.frames(
        of: item, in: library, augmentation: ClipAugmentation(), using: &generator)
      let frames = window.frames
      #expect(frames.count == 8)
      #expect(frames.allSatisfy { (0..<library.shots[window.shot].frameCount).contains($0) })
      let distances = Set(zip(frames, frames.dropFirst()).map { $1 - $0 })
      #expect(distances.count == 1)
      steps.insert(abs(distances.first!))
      directions.insert(distances.first! > 0)
      mirrors.insert(window.change.isMirrored)
    }
    #expect(steps == [1, 2] && directions == [true, false] && mirrors == [true, false])
  }

  @Test func aChangeIsTheSameForAllFramesOfAWindow() {
    let library = Self.library([[RGBImage]](repeating: MovingShapes.frames(8), count: 1))
    var change = ClipChange()
    let plain = Self.rendered(library, change)
    for channel in 0..<3 {
      let pixel = Float(library.shots[0].pixels[channel]) / 255
      #expect(abs(plain[channel * 1024] - pixel) < 1e-6)
    }
    change.isMirrored = true
    let mirrored = Self.rendered(library, change)
    #expect(mirrored[0] == plain[31] && mirrored[5] == plain[26])
    change.isGrey = true
    let grey = Self.rendered(library, change)
    #expect(grey[7] == grey[1024 + 7] && grey[7] == grey[2048 + 7])
  }

  private static func rendered(_ library: ClipLibrary, _ change: ClipChange) -> [Float] {
    var values = [Float](repeating: 0, count: 3 * size * size)
    library.shots[0].pixels.withUnsafeBufferPointer { pixels in
      values.withUnsafeMutableBufferPointer {
        change.render(
          pixels.baseAddress!, size: size, normalization: .identity, to: $0.baseAddress!)
      }
    }
    return values
  }

  @Test func batchesDoNotDependOnThreads() throws {
    let library = Self.library()
    let windows = ClipWindows(of: library, windowLength: 8)
    func batches(workers: Int) throws -> [[Float]] {
      let loader = try ClipLoader(
        library, windows: windows, augmentation: ClipAugmentation(), normalization: .imageNet,
        synthetic: nil, seed: 3, options: LoaderOptions(workers: workers, prefetchedBatches: 2),
        sampler: EpochSampler(itemCount: windows.count, batchSize: 3, seed: 3))
      return try (0..<5).map { _ in
        let batch = try loader.next()
        defer { loader.release(batch) }
        #expect(batch.paths.allSatisfy { $0.hasPrefix("clip ") })
        return batch.clips(on: .cpu).array(of: Float.self)
      }
    }
    let one = try batches(workers: 1)
    #expect(try one == batches(workers: 3))
    #expect(one[0] != one[1])
  }

  @Test func madeUpClipsMoveEvenlyAndAreDecidedByTheirSeed() throws {
    let clips = MadeUpClips()
    #expect(clips.frames(4, size: 32, seed: 5) == clips.frames(4, size: 32, seed: 5))
    var moving = 0
    for seed in 0..<12 as Range<UInt64> {
      let frames = clips.frames(16, size: 32, seed: seed)
      #expect(frames.allSatisfy { $0.count == 32 * 32 * 3 })
      var splitter = ShotSplitter()
      for frame in frames { splitter.append(RGBImage(width: 32, height: 32, pixels: frame)) }
      #expect(splitter.finish().isEmpty, "clip \(seed) is no clip: it has cuts")
      if frames[0] != frames[15] { moving += 1 }
    }
    #expect(moving == 12)
  }

  @Test func madeUpWindowsTakeTheirShareOfABatch() throws {
    let library = Self.library()
    let windows = ClipWindows(of: library, windowLength: 8)
    for (share, expected) in [(0, 0), (1, 24)] as [(Float, Int)] {
      let loader = try ClipLoader(
        library, windows: windows, augmentation: ClipAugmentation(), normalization: .imageNet,
        synthetic: (MadeUpClips(), share), seed: 3, options: LoaderOptions(),
        sampler: EpochSampler(itemCount: windows.count, batchSize: 24, seed: 3))
      #expect(try loader.next().paths.count { $0 == "a synthetic clip" } == expected)
    }
  }

  // MARK: Training

  @discardableResult
  static func train(
    _ configuration: ClipTrainingConfiguration, library: ClipLibrary = library(), in path: String,
    isResuming: Bool = false, steps: Int = .max
  ) throws -> TrainingOutcome {
    let run = isResuming ? try RunFolder.resume(at: path) : try RunFolder.create(at: path)
    let loop = try TrainingLoop<ClipLearner>(
      configuration, dataset: ClipLearner.Dataset(library: library), run: run,
      isResuming: isResuming)
    var taken = -1
    return try loop.train(
      reporter: ProgressReporter(duration: configuration.duration, secondsBetweenLines: 1e9)
    ) {
      taken += 1
      return taken == steps
    }
  }

  @Test func predictionsBecomeBetterThanCopying() throws {
    let run = TemporaryPath("clip-run")
    let configuration = try Self.configuration([
      "duration.steps=60", "predictor.width=32", "batchSize=4", "seed=4",
    ])
    try Self.train(configuration, in: run.path)
    func metrics(_ line: Int) throws -> [String: Double] {
      let lines = try String(contentsOfFile: "\(run.path)/metrics.jsonl", encoding: .utf8)
        .split(separator: "\n")
      let last = line < 0 ? lines.count + line : line
      let object = try JSONSerialization.jsonObject(with: Data(lines[last].utf8))
      return try #require(object as? [String: Double])
    }
    let (first, last) = (try metrics(0), try metrics(-1))
    for name in ["loss", "past", "future", "middle", "copy", "sigreg", "rankMe", "spread"] {
      #expect(first[name]?.isFinite == true, "\(name)")
    }
    // At the first step the predictor copies; at the last it is better than that.
    #expect(abs(first["past"]! - first["copy"]!) < 0.3 * first["copy"]!)
    #expect(last["past"]! < 0.9 * last["copy"]!, "\(last)")
  }

  @Test func stoppedAndResumedEqualsUninterrupted() async throws {
    let runs = TemporaryPath("clip-resume")
    await #expect(processExitsWith: .success) { [runs = runs.path as String] in
      let configuration = try Self.configuration(["logEverySteps=2"])
      let whole = try Self.train(configuration, in: "\(runs)/whole")
      #expect(whole.isFinished)
      let path = "\(runs)/parts"
      for (session, steps) in [0, 1, 2, .max].enumerated() {
        let part = try Self.train(
          configuration, in: path, isResuming: session > 0, steps: steps)
        #expect(part.checkpoint.step == [0, 1, 3, 6][session])
      }
      let expected = try lossCurve(ofRun: "\(runs)/whole")
      #expect(expected.count == 4, "steps 1, 2, 4 and 6")
      #expect(try lossCurve(ofRun: path) == expected)
      for name in ["model.safetensors", "predictor.safetensors", "optimizer.safetensors"] {
        let found = try Data(contentsOf: URL(fileURLWithPath: "\(path)/latest/\(name)"))
        let wanted = try Data(contentsOf: URL(fileURLWithPath: whole.checkpoint.file(name)))
        #expect(found == wanted, "\(name)")
      }
    }
  }

  /// Six losses as they were when the loop was written.
  @Test func theLossCurveIsAsItWas() throws {
    let run = TemporaryPath("curve")
    try Self.train(Self.configuration(["precision=float32"]), in: run.path)
    #expect(
      try losses(
        ofRun: run.path, are: [1.837048, 7.279564, 3.454354, 11.29968, 2.417699, 7.737550]))
  }

  @Test func otherClipsAreRefused() throws {
    let run = TemporaryPath("clip-run")
    try Self.train(Self.configuration(), in: run.path, steps: 1)
    let other = Self.library([MovingShapes.frames(40, seed: 8)])
    #expect {
      try Self.train(Self.configuration(), library: other, in: run.path, isResuming: true)
    } throws: { error in
      "\(error)".hasPrefix(
        "the checkpoint's order of items cannot be continued: the frames of the clips was ")
    }
  }

  @Test func shotsShorterThanAWindowAreAnError() throws {
    let run = TemporaryPath("clip-run")
    let short = Self.library([MovingShapes.frames(9)])
    #expect {
      try Self.train(Self.configuration(["windowLength=12"]), library: short, in: run.path)
    } throws: { error in
      "\(error)"
        == "no shot is as long as a window: expected at least 12 frames without a cut, the longest has "
        + "9; lower windowLength (at least 5) or add longer clips"
    }
  }

  // MARK: Slow features

  @Test func tokensThatStopChangingAreACollapse() throws {
    var configuration = SlowFeatureConfiguration()
    configuration.patience = 2
    let monitor = SlowFeatureMonitor(configuration)
    func judge(_ errors: Double..., step: Int) -> CollapseVerdict? {
      for error in errors { monitor.note(Tensor(error)) }
      return monitor.verdict(step: step)
    }
    #expect(judge(0.9, 1.1, step: 20) == nil)
    #expect(judge(0.25, step: 40) == nil)
    #expect(judge(0.1, step: 60) == nil)
    #expect(judge(0.3, step: 80) == nil, "a good step starts the count anew")
    #expect(judge(0.1, step: 100) == nil)
    let verdict = try #require(judge(0.1, 0.12, step: 120))
    #expect(verdict.figure == "the error of copying the frame before" && verdict.step == 120)
    #expect(abs(verdict.value - 0.11) < 1e-6 && abs(verdict.limit - 0.2) < 1e-6)
    #expect(verdict.description.contains("It was 1 at the start: tokens hardly change"))
  }

  @Test func aMonitorGoesOnWhereItWasStopped() {
    let (whole, first) = (
      SlowFeatureMonitor(SlowFeatureConfiguration()), SlowFeatureMonitor(SlowFeatureConfiguration())
    )
    for monitor in [whole, first] {
      for error in [0.5, 0.7] { monitor.note(Tensor(error)) }
      _ = monitor.verdict(step: 1)
      monitor.note(Tensor(0.3))
    }
    let second = SlowFeatureMonitor(SlowFeatureConfiguration())
    second.restore(first.state, device: .cpu)
    #expect(second.state == whole.state)
    for monitor in [whole, second] { monitor.note(Tensor(0.1)) }
    #expect(second.copyError == whole.copyError)
  }

  @Test func aRunOfSlowFeaturesStopsAndSaysWhy() throws {
    let run = TemporaryPath("clip-run")
    do {
      // No error of copying is ten times the first one: every logged step is a strike.
      try Self.train(
        Self.configuration([
          "duration.steps=20", "slowFeatures.minimumShare=10", "slowFeatures.patience=3",
        ]), in: run.path)
      Issue.record("the run must be called collapsed")
    } catch TrainingError.collapsed(let verdict, _) {
      #expect(verdict.step == 4)
      #expect(verdict.figure == "the error of copying the frame before")
    }
    #expect(try lossCurve(ofRun: run.path).count == 4, "what was logged stays")
  }

  // MARK: Settings

  @Test(arguments: [
    ("frameSize=30", "frameSize: a multiple of 8 from 16 to 1024 pixels, found 30"),
    (
      "windowLength=4",
      "windowLength: 5 to 48 frames, for a middle frame needs two on either side; found 4"
    ),
    ("batchSize=0", "batchSize: 1 to 4096, found 0"),
    ("tokenWidth=900", "tokenWidth: 1 to 768, the components of a patch, found 900"),
    ("synthetic.share=2", "synthetic.share: a share from 0 to 1, found 2.0"),
    ("memoryMebibytes=0", "memoryMebibytes: 1 to 1048576, found 0"),
    ("predictor.width=12", "predictor.width: a multiple of 8 from 8 to 4096, found 12"),
    ("predictor.blocks=0", "predictor.blocks: 1 to 64, found 0"),
    ("method.regularizerWeight=-1", "method.regularizerWeight: 0 or more, found -1.0"),
    ("method.directions=0", "method.directions: 1 to 65536, found 0"),
    ("method.regularizedTokens=1", "method.regularizedTokens: 2 to 1048576, found 1"),
    ("logEverySteps=0", "logEverySteps: at least 1, found 0"),
    ("threads=0", "threads: 1 to 1024, found 0"),
    ("checkpoint.keep=0", "checkpoint.keep: at least 1, found 0"),
    ("checkpoint.everyMinutes=0", "checkpoint.everyMinutes: above 0, found 0.0"),
    ("checkpoint.everySteps=0", "checkpoint.everySteps: at least 1, found 0"),
    (
      "optimizer.learningRate.peak=0",
      "optimizer.learningRate.peak: above 0, found 0.0"
    ),
    ("optimizer.weightDecay=-1", "optimizer.weightDecay: 0 or more, found -1.0"),
    ("optimizer.matrixStepScale=0", "optimizer.matrixStepScale: above 0, found 0.0"),
    ("optimizer.clipNorm=0", "optimizer.clipNorm: above 0 or null, found 0.0"),
    ("optimizer.beta2=1", "optimizer.beta2: 0 to below 1, found 1.0"),
    (
      "slowFeatures.patience=0",
      "slowFeatures: a minimumShare of 0 or more and a patience of at least 1"
    ),
    (
      "augmentation.mirrorProbability=2",
      "augmentation.mirrorProbability: expected a number in 0...1, found 2.0"
    ),
  ])
  func settingsThatCannotWorkAreRefused(setting: String, message: String) throws {
    #expect {
      try Self.configuration([setting]).validate()
    } throws: { error in
      if "\(error)" != message { Issue.record("\(error)") }
      return true
    }
  }
}

import Foundation
import Learning
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// Runs that go wrong: collapse, divergence, and settings that cannot work.
@Suite struct CollapseTests {
  static func configuration(patience: Int = 3) -> CollapseConfiguration {
    var configuration = CollapseConfiguration()
    configuration.patience = patience
    return configuration
  }

  static func normal(_ shape: [Int]) -> Tensor {
    Tensor.normal(shape, using: RandomGenerator(seed: 1))
  }

  /// The verdicts of so many logged steps after the grace period.
  static func verdicts(
    _ embeddings: Tensor, count: Int = 6, sigregShare: Double? = 0.05,
    configuration: CollapseConfiguration = configuration()
  ) -> [CollapseVerdict?] {
    let monitor = CollapseMonitor(configuration)
    monitor.note(embeddings)
    let figures = monitor.figures()
    return (0..<count).map {
      monitor.verdict(
        rankMe: figures.rankMe, spread: figures.spread, sigregShare: sigregShare, at: 0.5,
        step: 1000 + $0)
    }
  }

  @Test func healthyEmbeddingsAreLeftAlone() {
    #expect(Self.verdicts(Self.normal([128, 16])).allSatisfy { $0 == nil })
  }

  @Test func constantEmbeddingsHaveNoSpread() throws {
    let found = Self.verdicts(Tensor.ones([128, 16]) + Self.normal([128, 16]) * 1e-3)
    #expect(found.map { $0 != nil } == [false, false, true, true, true, true])
    let verdict = try #require(found[2])
    #expect(verdict.figure == "the embeddings' spread")
    #expect(verdict.step == 1002)
    let text = verdict.description
    #expect(text.hasPrefix("collapsed at step 1002: the embeddings' spread is 0.0"))
    #expect(text.contains("the limit is 0.02. All pictures get nearly one embedding. Raise "))
    #expect(!text.contains("\n"))
  }

  @Test func embeddingsOnALineHaveNoRank() throws {
    let line = Self.normal([128, 1]).matmul(Self.normal([1, 16]))
    let verdict = try #require(Self.verdicts(line)[2])
    #expect(verdict.figure == "RankMe")
    #expect(verdict.value < 1.5)
  }

  @Test func sigregNearItsWorstIsACollapseOfTheViews() throws {
    let verdict = try #require(Self.verdicts(Self.normal([128, 16]), sigregShare: 0.9)[2])
    #expect(verdict.figure == "SIGReg over its value at full collapse")
  }

  @Test func figuresThatAreNotNumbersAreBad() {
    #expect(Self.verdicts(Tensor.full([16, 4], .nan))[2] != nil)
    #expect(Self.verdicts(Tensor.zeros([16, 4]))[2] != nil)
  }

  @Test func patienceStartsAnewAfterAGoodStep() {
    let monitor = CollapseMonitor(Self.configuration())
    func isBad(_ spread: Double) -> Bool {
      monitor.verdict(rankMe: 9, spread: spread, sigregShare: nil, at: 0.5, step: 1000) != nil
    }
    #expect([0, 0, 1, 0, 0, 0].map(isBad) == [false, false, false, false, false, true])
  }

  @Test func thereIsAGracePeriodAndAnOffSwitch() {
    let monitor = CollapseMonitor(Self.configuration(patience: 1))
    func isBad(at progress: Double, step: Int) -> Bool {
      monitor.verdict(rankMe: 1, spread: 0, sigregShare: 1, at: progress, step: step) != nil
    }
    #expect(!isBad(at: 0.01, step: 1000), "5 % of the run")
    #expect(!isBad(at: 0.5, step: 199), "and 200 steps")
    #expect(isBad(at: 0.05, step: 200))
    var off = Self.configuration(patience: 1)
    off.isWatched = false
    #expect(Self.verdicts(Tensor.zeros([8, 4]), configuration: off).allSatisfy { $0 == nil })
  }

  @Test func theMonitorRemembersTheLatestEmbeddings() {
    let monitor = CollapseMonitor(Self.configuration())
    #expect(monitor.figures() == (0, 0))
    for step in 0..<9 { monitor.note(Tensor.full([100, 2], Double(step))) }
    let window = monitor.window!
    #expect(window.shape == [512, 2])
    #expect(window[511][0].item() == 8 && window[0][0].item() == 3)
    let other = CollapseMonitor(Self.configuration())
    other.restore(window: window, strikes: 2)
    #expect(other.figures() == monitor.figures() && other.strikes == 2)
  }

  // MARK: In a run

  private func train(
    _ overrides: [String], in run: TemporaryPath, on pictures: ColouredShapes
  ) throws {
    let configuration = try MethodTests.configuration(overrides)
    let folder = try ImageFolder(pictures.path)
    let resolved = try configuration.resolved(for: folder)
    let runFolder = try RunFolder.create(at: run.path)
    _ = try TrainingLoop<ImageLearner>(
      resolved, dataset: folder, run: runFolder, isResuming: false
    ).train(reporter: ProgressReporter(duration: resolved.duration, secondsBetweenLines: 1e9))
  }

  @Test(arguments: [false, true])
  func aLossThatIsNotANumberNamesTheStepTheFilesAndTheCheckpoint(saves: Bool) throws {
    let (pictures, run) = (try ColouredShapes(6), TemporaryPath("diverged"))
    do {
      try train(
        [
          "duration.steps=50", "optimizer.learningRate.peak=1e30",
          "optimizer.learningRate.warmup=0", "method.regularizer=vicreg",
        ] + (saves ? ["checkpoint.everySteps=1"] : []), in: run, on: pictures)
      Issue.record("a learning rate of 1e30 must diverge")
    } catch TrainingError.diverged(
      let step, let what, let value, let files, let advice, let lastGood)
    {
      #expect(step >= 2 && step < 50)
      #expect(["nan", "-nan", "inf", "-inf"].contains(value))
      #expect(files.count == 6 && files.allSatisfy { $0.hasPrefix(pictures.path) })
      #expect((lastGood != nil) == saves)
      let text = TrainingError.diverged(
        step: step, what: what, value: value, files: files, advice: advice, lastGood: lastGood
      ).description
      #expect(
        text.hasPrefix("the \(what) of step \(step) is \(value); the batch was \(files[0]), "))
      #expect(text.contains(" and 2 more. Lower optimizer.learningRate.peak, or train in float32"))
      let ending =
        saves
        ? " The last good checkpoint is \(run.path)/step-000000\(step - 1)."
        : " No checkpoint was written yet."
      #expect(text.hasSuffix(ending), "\(text)")
    }
  }

  @Test func aCollapsedRunStopsWithAVerdict() throws {
    let (pictures, run) = (try ColouredShapes(6), TemporaryPath("collapsed"))
    do {
      // No picture can spread its embeddings so far: every logged step is a strike.
      try train(
        [
          "duration.steps=20", "logEverySteps=1", "collapse.minimumSpread=1e9",
          "collapse.graceSteps=3", "collapse.patience=2", "collapse.graceShare=0",
        ], in: run, on: pictures)
      Issue.record("the run must be called collapsed")
    } catch TrainingError.collapsed(let verdict, let lastGood) {
      #expect(verdict.step == 4 && lastGood == nil)
      #expect(try lossCurve(ofRun: run.path).count == 4, "what was logged stays")
    }
  }

  // MARK: Settings

  @Test(arguments: [
    ("imageSize=4", "imageSize: 8 to 4096 pixels, found 4"),
    ("batchSize=1", "batchSize: 2 to 65536, found 1"),
    ("accumulation=0", "accumulation: 1 to 65536, found 0"),
    ("logEverySteps=0", "logEverySteps: at least 1, found 0"),
    ("threads=0", "threads: 1 to 1024, found 0"),
    ("checkpoint.keep=0", "checkpoint.keep: at least 1, found 0"),
    ("checkpoint.everyMinutes=0", "checkpoint.everyMinutes: above 0, found 0.0"),
    ("checkpoint.everySteps=0", "checkpoint.everySteps: at least 1, found 0"),
    ("optimizer.learningRate.peak=0", "optimizer.learningRate.peak: above 0, found 0.0"),
    (
      "method.regularizerWeight=1",
      "method.regularizerWeight: a share of the loss from 0 to below 1, found 1.0"
    ),
    ("method.tokenWeight=-1", "method.tokenWeight: 0 or more, found -1.0"),
    ("method.tokenShare=2", "method.tokenShare: a share from 0 to 1, found 2.0"),
    ("method.directions=0", "method.directions: 1 to 65536, found 0"),
    ("method.temperature=0", "method.temperature: above 0, found 0.0"),
    ("method.projector=[]", "method.projector: a list of widths from 1 to 65536, found []"),
    (
      "method.tokenProjector=[0]",
      "method.tokenProjector: a list of widths from 1 to 65536, found [0]"
    ),
    ("method.regularizedTokens=1", "method.regularizedTokens: at least 2, found 1"),
    ("method.predictorDepth=0", "method.predictorDepth: 1 to 64, found 0"),
    ("method.momentum.peak=2", "method.momentum: 0 to 1, found 2.0"),
    (
      "optimizer.learningRate.warmup=2",
      "optimizer.learningRate: a warmup of 0 to 1 and an end of 0 or more"
    ),
    ("optimizer.matrixStepScale=0", "optimizer.matrixStepScale: above 0, found 0.0"),
    ("optimizer.weightDecay=-1", "optimizer.weightDecay: 0 or more, found -1.0"),
    ("optimizer.clipNorm=0", "optimizer.clipNorm: above 0 or null, found 0.0"),
    ("optimizer.beta2=1", "optimizer.beta2: 0 to below 1, found 1.0"),
    (
      "method.predictorWidth=50",
      "method.predictorWidth: a positive multiple of 4 times predictorHeads (4), found 50"
    ),
    (
      "encoder.patchSize=7", "encoder.patchSize: tokens of 7 pixels do not divide pictures of 32"
    ),
    (
      "encoder.patchSize=4",
      "encoder.patchSize: a convolutional encoder's is 8, 16, 32 or 64 pixels, found 4"
    ),
    ("loader.workers=0", "loader.workers: expected 1...1024, found 0"),
    (
      "views={views: [{name: clean, size: 32}]}",
      "views: method views needs views named clean, masked, local, found clean"
    ),
    (
      """
      views={views: [{name: clean, size: 32}, {name: local, size: 20}, \
      {name: masked, size: 32, cells: {keep: 0.6, cellSize: 8}}]}
      """,
      "views: local views of 20 pixels are no multiple of the token's 8"
    ),
  ])
  func settingsThatCannotWorkAreRefused(setting: String, message: String) throws {
    let pictures = try ColouredShapes(3)
    let configuration = try MethodTests.configuration([setting])
    #expect {
      _ = try configuration.resolved(for: ImageFolder(pictures.path))
    } throws: { error in
      if "\(error)" != message { Issue.record("\(error)") }
      return true
    }
  }

  @Test func masksThatDoNotFitTheGridAreRefused() throws {
    // The published setting on an 8x8 grid, on which the published code never ends.
    let pictures = try ColouredShapes(3)
    let configuration = try MethodTests.configuration([
      "method.name=ijepa", "encoder.preset=vit-tiny", "method.blocks.minimumKept=10",
    ])
    #expect {
      _ = try configuration.resolved(for: ImageFolder(pictures.path))
    } throws: { error in
      "\(error)".hasPrefix(
        "the mask does not fit its grid: expected target blocks of at least minimumKept = 10 tokens"
      )
        && "\(error)".contains("on a grid of 8x8")
    }
  }

  @Test func maskedViewsMustHideSomethingThatFitsTheGrid() throws {
    let pictures = try ColouredShapes(3)
    func refusal(keep: Float, cellSize: Int, hasCells: Bool = true) throws -> String {
      var configuration = try MethodTests.configuration([])
      var plan = MethodName.views.defaultViews(imageSize: 32, patchSize: 8)
      plan.views[1].cells = hasCells ? CellMask(keep: keep, cellSize: cellSize) : nil
      configuration.views = plan
      do {
        _ = try configuration.resolved(for: ImageFolder(pictures.path))
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(try refusal(keep: 0.6, cellSize: 8) == "")
    #expect(
      try refusal(keep: 1, cellSize: 8)
        == "views: masked views that keep 1.0 of the cells hide none"
    )
    #expect(
      try refusal(keep: 0.6, cellSize: 32)
        == "views: masked views that keep 0.6 of the cells hide none")
    #expect(
      try refusal(keep: 0.6, cellSize: 8, hasCells: false)
        == "views: the masked view needs cells to hide")
    #expect(
      try refusal(keep: 0.6, cellSize: 5)
        == "views.masked.cells.cellSize: expected a divisor of the view's 32 pixels, found 5")
  }
}

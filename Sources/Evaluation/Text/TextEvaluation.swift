import Files
import TextPlanner
import TrainingRuns

/// Measures a planner on prompts with known answers.
public struct TextEvaluation {
  let planner: Planner
  private let dataset: TextDataset
  let examples: [TextExample]
  let key: AnswerKey
  /// For each example what a memory holds for it; nil without one.
  let entries: [[RetrievedEntry]]?
  let seed: UInt64

  /// The numbers of steps after which plain descents are decoded.
  public static let steps = [1, 2, 4, 8, 16, 32, 64]

  /// - Parameters:
  ///   - dataset: read within the model's limits.
  ///   - memory: what plans and energies are conditioned on besides.
  ///   - seed: of the wrong answers and the baseline's samples.
  /// - Throws: `MemoryError`.
  public init(
    _ planner: Planner, on dataset: TextDataset, memory: PlannerMemory? = nil, seed: UInt64 = 0
  ) throws {
    self.planner = planner
    entries = try memory?.retrieve(for: dataset.examples.map(\.prompt))
    self.dataset = dataset
    self.seed = seed
    examples = dataset.examples
    key = AnswerKey(dataset.examples)
  }

  var prompts: [String] { examples.map(\.prompt) }

  /// All figures.
  ///
  /// - Parameters:
  ///   - baseline: what the planner is compared with.
  ///   - temperature: of its samples.
  ///   - measuresCurves: whether every method is measured at many settings, from cheap to dear.
  /// - Throws: `BaselineError.otherLimits`; `PlannerError`.
  public func report(
    baseline: AutoregressiveModel? = nil, temperature: Double = 1, measuresCurves: Bool = false
  ) throws -> TextReport {
    let model = planner.model
    if let baseline, baseline.limits != model.limits {
      throw BaselineError.otherLimits(planner: model.limits, baseline: baseline.limits)
    }
    let progress = WorkProgress()
    progress.begin("plain descents", total: examples.count, of: "prompts")
    let curve = try planner.answers(
      prompts, atSteps: Self.steps, memory: entries, progress: progress)
    let right = curve.map(key.accepts)
    let guesses = try firstGuesses()
    let guessed = key.accepts(guesses)

    let clock = ContinuousClock()
    let start = clock.now
    progress.begin("planning", total: examples.count, of: "prompts")
    let plans = try planner.plan(prompts, memory: entries, progress: progress)
    let milliseconds = (clock.now - start) / .milliseconds(1) / Double(examples.count)
    let planned = key.accepts(plans.map(\.answer))
    let operations = plans.map(\.operations)

    let byDifficulty = difficulties.map { difficulty, items in
      TextReport.DifficultyScore(
        difficulty: difficulty, count: items.count, exactMatch: Self.share(of: planned, items),
        meanEvaluations: items.reduce(0) { $0 + Double(plans[$1].evaluations) }
          / Double(items.count),
        firstGuess: Self.share(of: guessed, items),
        exactMatchBySteps: bySteps(right.map { Self.share(of: $0, items) }))
    }
    progress.begin("ranking wrong answers")
    let auroc = try ranking(decoded: curve + [guesses, plans.map(\.answer)])
    if baseline != nil { progress.begin("the baseline's answers") }
    let baselines = try baseline.map { try scores(of: $0, temperature: temperature) } ?? [:]
    let curves =
      measuresCurves
      ? try self.curves(baseline: baseline, temperature: temperature, progress: progress) : nil
    return TextReport(
      count: examples.count, skipped: dataset.skipped.count,
      exactMatchBySteps: bySteps(right.map { Self.share(of: $0) }),
      firstGuess: Self.share(of: guessed),
      planner: score(planned, operations: operations, milliseconds: milliseconds),
      byDifficulty: byDifficulty,
      verified: Self.verified(plans, planned),
      auroc: auroc, baselines: baselines, curves: curves)
  }

  /// What one full step from noise decodes to: what training trains a step to reach.
  private func firstGuesses() throws -> [String] {
    var options = planner.options
    options.stepSize = 1
    return try Planner(planner.model, options: options)
      .answers(prompts, atSteps: [1], memory: entries)[0]
  }

  // MARK: By difficulty

  private var difficulties: [(difficulty: Int, items: [Int])] {
    Dictionary(grouping: examples.indices.filter { examples[$0].difficulty != nil }) {
      examples[$0].difficulty!
    }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private func bySteps(_ shares: [Double]) -> [String: Double] {
    Dictionary(uniqueKeysWithValues: zip(Self.steps.map(String.init), shares))
  }

  private static func share(of right: [Bool], _ items: [Int]? = nil) -> Double {
    let items = items ?? Array(right.indices)
    return Double(items.count { right[$0] }) / Double(items.count)
  }

  func score(
    _ right: [Bool], operations: [Double], milliseconds: Double
  ) -> TextReport.MethodScore {
    func means(_ value: ([Int]) -> Double) -> [String: Double] {
      Dictionary(uniqueKeysWithValues: difficulties.map { ("\($0.difficulty)", value($0.items)) })
    }
    func mean(_ items: [Int]) -> Double {
      items.reduce(0) { $0 + operations[$1] } / Double(items.count)
    }
    return TextReport.MethodScore(
      exactMatch: Self.share(of: right),
      exactMatchByDifficulty: means { Self.share(of: right, $0) },
      millisecondsPerItem: milliseconds, operationsPerItem: mean(Array(examples.indices)),
      operationsByDifficulty: means(mean))
  }

  private static func verified(_ plans: [Plan], _ right: [Bool]) -> TextReport.VerifiedScore {
    let accepted = plans.indices.filter { plans[$0].isVerified }
    let others = plans.indices.filter { !plans[$0].isVerified }
    return TextReport.VerifiedScore(
      share: Double(accepted.count) / Double(plans.count),
      accuracy: accepted.isEmpty ? nil : share(of: right, accepted),
      accuracyOfOthers: others.isEmpty ? nil : share(of: right, others))
  }

  // MARK: Operations

  private func costs(_ item: Int) -> PlanningCosts {
    planner.model.operationCosts(ofPrompt: examples[item].prompt, entries: entries?[item] ?? [])
  }

  // MARK: Energies

  /// - Parameter decoded: answers of the planner's descents, several for each prompt.
  private func ranking(decoded: [[String]]) throws -> TextReport.EnergyRanking {
    let wrong = WrongAnswers(examples, key: key)
    var draws = SeededGenerator(seed: seed, 2)
    let truths = try energies(
      examples.indices.map { WrongAnswers.Item(item: $0, answer: examples[$0].answer) })
    func auroc(_ items: [WrongAnswers.Item]) throws -> Double? {
      items.isEmpty
        ? nil : try RankStatistics.auroc(positives: energies(items), negatives: truths)
    }
    let own = wrong.own(decoded, atMost: planner.model.limits.answerLength)
    return TextReport.EnergyRanking(
      nearMiss: try auroc(wrong.nearMisses(using: &draws)),
      shuffled: try auroc(wrong.shuffled(using: &draws)), ownWrong: try auroc(own),
      ownWrongCount: own.count)
  }

  private func energies(_ items: [WrongAnswers.Item]) throws -> [Double] {
    try planner.model.energies(
      ofPrompts: items.map { examples[$0.item].prompt }, answers: items.map(\.answer),
      memory: entries.map { entries in items.map { entries[$0.item] } })
  }

  // MARK: The baseline

  /// Samples for each prompt.
  private static let sampleCount = 16

  private func scores(
    of baseline: AutoregressiveModel, temperature: Double
  ) throws -> [String: TextReport.MethodScore] {
    let clock = ContinuousClock()
    func milliseconds(since start: ContinuousClock.Instant) -> Double {
      (clock.now - start) / .milliseconds(1) / Double(examples.count)
    }
    func writing(_ answer: String, for item: Int) -> Double {
      baseline.operationsOfWriting(
        length: baseline.vocabulary.length(of: answer),
        promptLength: baseline.vocabulary.length(of: examples[item].prompt))
    }
    let reading = prompts.map {
      baseline.operationsOfPrompt(length: baseline.vocabulary.length(of: $0))
    }

    var start = clock.now
    let greedy = try baseline.answers(prompts).map(\.text)
    let greedyTime = milliseconds(since: start)
    start = clock.now
    let samples = try baseline.samples(
      prompts, count: Self.sampleCount, seed: seed, temperature: temperature)
    let samplingTime = milliseconds(since: start)
    let sampling = examples.indices.map { item in
      samples[item].reduce(reading[item]) { $0 + writing($1.text, for: item) }
    }
    let likeliest = samples.map { $0.max { $0.logLikelihood < $1.logLikelihood }!.text }

    // Each different sample is asked for once.
    start = clock.now
    let candidates = samples.map { Array(Set($0.map(\.text))).sorted() }
    let lowest = try lowestEnergies(candidates)
    let rankingTime = milliseconds(since: start)
    let ranking = examples.indices.map { item in
      sampling[item] + costs(item).prompt
        + Double(candidates[item].count) * costs(item).verification
    }
    let oracle = candidates.indices.map { item in
      candidates[item].contains { key.accepts($0, for: item) }
    }
    return [
      "greedy": score(
        key.accepts(greedy),
        operations: examples.indices.map { reading[$0] + writing(greedy[$0], for: $0) },
        milliseconds: greedyTime),
      "likelihoodOf16": score(
        key.accepts(likeliest), operations: sampling, milliseconds: samplingTime),
      "energyOf16": score(
        key.accepts(lowest), operations: ranking, milliseconds: samplingTime + rankingTime),
      "oracleOf16": score(oracle, operations: sampling, milliseconds: samplingTime),
    ]
  }

  /// For each prompt the candidate of lowest energy.
  private func lowestEnergies(_ candidates: [[String]]) throws -> [String] {
    let limit = planner.model.limits.answerLength
    // A sample that is not UTF-8 was mended when it was decoded, and may have become too long to be read.
    let readable = candidates.map { $0.filter { $0.utf8.count <= limit && !$0.utf8.contains(0) } }
    let items = readable.enumerated().flatMap { item, answers in
      answers.map { WrongAnswers.Item(item: item, answer: $0) }
    }
    var energies = try energies(items)[...]
    return readable.map { answers in
      let own = Array(energies.prefix(answers.count))
      energies = energies.dropFirst(answers.count)
      let best = own.indices.min { own[$0] < own[$1] }
      return best.map { answers[$0] } ?? ""
    }
  }
}

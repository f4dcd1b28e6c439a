import Foundation
import TestSupport
import Testing
import TextPlanner
import Torch
import TrainingRuns

@testable import Evaluation
@testable import Files

/// Measuring planners: what is right, what is wrong, and the figures made of it.
@Suite struct TextEvaluationTests {
  private let examples = [
    TextExample(prompt: "a", answer: "12", difficulty: 1),
    TextExample(prompt: "b", answer: "34", group: "g", difficulty: 2),
    TextExample(prompt: "c", answer: "43", group: "g", difficulty: 2),
    TextExample(prompt: "d", answer: "é", difficulty: 1),
    TextExample(prompt: "d", answer: "21", difficulty: 1),
  ]

  @Test func alternativesAreRightAndTextsAreComparedByTheirBytes() {
    let key = AnswerKey(examples)
    #expect(key.accepts(["12", "43", "34", "é", "é"]) == [true, true, true, true, true])
    #expect(key.accepts(["21", "12", "12", "12", "12"]) == [false, false, false, false, false])
    // The same letter in two forms: equal as Swift's texts, and not the answer.
    #expect("é" == "e\u{301}")
    #expect(!key.accepts("e\u{301}", for: 3))
  }

  @Test func nearMissesDifferInOneSymbol() {
    var generator = SeededGenerator(seed: 1)
    let wrong = WrongAnswers(examples, key: AnswerKey(examples))
    for _ in 0..<20 {
      for miss in wrong.nearMisses(using: &generator) {
        let truth = Array(examples[miss.item].answer.utf8)
        let symbols = Array(miss.answer.utf8)
        #expect(symbols.count == truth.count)
        #expect(zip(symbols, truth).count { $0 != $1 } == 1)
      }
    }
  }

  @Test func shuffledAndOwnAnswersAreNeverRight() {
    var generator = SeededGenerator(seed: 1)
    let key = AnswerKey(examples)
    let wrong = WrongAnswers(examples, key: key)
    for _ in 0..<20 {
      let shuffled = wrong.shuffled(using: &generator)
      #expect(shuffled.count == examples.count)
      #expect(shuffled.allSatisfy { !key.accepts($0.answer, for: $0.item) })
    }
    let own = wrong.own(
      [["12", "43", "x", "x", "x"], ["1", "43", "x", "toolong", "\0"]], atMost: 3)
    #expect(
      own == [
        .init(item: 2, answer: "x"), .init(item: 3, answer: "x"), .init(item: 4, answer: "x"),
        .init(item: 0, answer: "1"),
      ])
  }

  // MARK: The report

  private let limits = TextLimits(promptLength: 4, answerLength: 3)
  private var sizes: PlannerConfiguration {
    var sizes = PlannerConfiguration()
    (sizes.width, sizes.heads, sizes.hidden, sizes.latentWidth) = (8, 2, 8, 4)
    return sizes
  }

  private func dataset() throws -> TextDataset {
    let file = TemporaryPath("examples")
    let lines = try examples.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    try Data((lines + [#"{"prompt":"too long","answer":"1"}"#]).joined(separator: "\n").utf8)
      .write(to: URL(fileURLWithPath: file.path))
    return try TextDataset(contentsOf: file.path, limits: limits)
  }

  private func report(baselineLimits: TextLimits? = nil) throws -> TextReport {
    let model = PlannerModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    var options = PlanningOptions()
    (options.steps, options.starts) = (3, 2)
    return try TextEvaluation(Planner(model, options: options), on: dataset()).report(
      baseline: AutoregressiveModel(
        sizes, limits: baselineLimits ?? limits, using: RandomGenerator(seed: 2)))
  }

  @Test func theReportHasTheKeysThatAreDocumented() throws {
    let report = try report()
    #expect(report.count == 5)
    #expect(report.skipped == 1)
    let json = try JSONSerialization.jsonObject(with: Data(report.json().utf8))
    let object = try #require(json as? [String: Any])
    let bySteps = try #require(object["exactMatchBySteps"] as? [String: Double])
    #expect(Set(bySteps.keys) == ["1", "2", "4", "8", "16", "32", "64"])
    let strata = try #require(object["byDifficulty"] as? [[String: Any]])
    #expect(strata.map { $0["difficulty"] as? Int } == [1, 2])
    #expect(strata.map { $0["count"] as? Int } == [3, 2])
    #expect(strata.allSatisfy { $0["exactMatch"] is Double && $0["meanEvaluations"] is Double })
    let auroc = try #require(object["auroc"] as? [String: Any])
    #expect(auroc["nearMiss"] is Double && auroc["shuffled"] is Double)
    let baselines = try #require(object["baselines"] as? [String: [String: Any]])
    #expect(
      Set(baselines.keys) == ["greedy", "likelihoodOf16", "energyOf16", "oracleOf16"])
    for score in baselines.values {
      #expect((score["millisecondsPerItem"] as? Double ?? 0) > 0)
      #expect((score["operationsPerItem"] as? Double ?? 0) > 0)
    }
  }

  @Test func methodsAreOrderedAsTheyMustBe() throws {
    let report = try report()
    let (greedy, likeliest, lowest, oracle) = (
      report.baselines["greedy"]!, report.baselines["likelihoodOf16"]!,
      report.baselines["energyOf16"]!, report.baselines["oracleOf16"]!
    )
    #expect(oracle.exactMatch >= likeliest.exactMatch && oracle.exactMatch >= lowest.exactMatch)
    #expect(greedy.operationsPerItem < likeliest.operationsPerItem)
    #expect(likeliest.operationsPerItem < lowest.operationsPerItem)
    // The model knows nothing: six plain steps a plan, and no more.
    #expect(report.byDifficulty.allSatisfy { $0.meanEvaluations <= 8 })
    #expect(report.table.contains("5 prompts, 1 too long and skipped\n"))
    #expect(report.table.contains("likelihoodOf16"))
  }

  @Test func everyMethodIsMeasuredFromCheapToDear() throws {
    let model = PlannerModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    let report = try TextEvaluation(Planner(model), on: dataset()).report(
      baseline: AutoregressiveModel(sizes, limits: limits, using: RandomGenerator(seed: 2)),
      measuresCurves: true)
    let curves = try #require(report.curves)
    #expect(
      curves.map(\.method) == [
        "greedy", "likelihood", "energy", "earlyExit", "gradientPlanner", "residualPlanner",
      ])
    func costs(_ method: String) -> [Double] {
      curves.first { $0.method == method }!.points.map(\.score.operationsPerItem)
    }
    // Of as many samples, judging costs more than counting likelihoods, and stopping early no more than that.
    for (likelihood, (energy, early)) in zip(
      costs("likelihood"), zip(costs("energy"), costs("earlyExit")))
    {
      #expect(likelihood < energy && early <= energy)
    }
    #expect(zip(costs("likelihood"), costs("likelihood").dropFirst()).allSatisfy { $0 < $1 })
    #expect(
      zip(costs("residualPlanner"), costs("residualPlanner").dropFirst()).allSatisfy { $0 <= $1 })
    #expect(report.table.contains("exact match by difficulty, with so many samples or steps"))
    #expect(report.table.contains("residualPlanner      256"))
    let plot = try #require(CurvePlot(report))
    #expect(plot.draw().width == 1100)
    let without = try self.report()
    #expect(CurvePlot(without) == nil, "a report without curves")
  }

  @Test func aBaselineOfOtherLengthsIsNamed() throws {
    let other = TextLimits(promptLength: 9, answerLength: 2)
    let error = #expect(throws: BaselineError.self) { _ = try report(baselineLimits: other) }
    #expect(
      error?.description
        == "the baseline takes prompts and answers of up to 9 and 2 symbols, the planner of up to "
        + "4 and 3: train it with --like")
  }
}

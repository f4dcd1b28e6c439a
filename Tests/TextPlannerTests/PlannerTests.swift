import Files
import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import TextPlanner

/// Planning with a model that has learned to write short words backwards.
@Suite struct PlannerTests {
  let model: PlannerModel

  init() throws { model = try PlannerModel.load(from: TinyPlanner.trained.get().path) }

  private func plans(
    _ prompts: [String], _ change: (inout PlanningOptions) -> Void = { _ in }
  ) throws -> [Plan] {
    var options = PlanningOptions()
    change(&options)
    return try Planner(model, options: options).plan(prompts)
  }

  @Test func wordsAreWrittenBackwards() throws {
    let plans = try plans(TinyPlanner.examples.map(\.prompt))
    let right = zip(plans, TinyPlanner.examples).map { $0.answer == $1.answer }
    #expect(right.count { $0 } >= 76, "of 84")
    let verified = zip(plans, right).filter { $0.0.isVerified }
    #expect(verified.count { $0.1 } >= verified.count * 95 / 100)
    for plan in plans {
      #expect(plan.evaluations == plan.steps + plan.starts)
      // Every answer is read before the gradient that would go on from it.
      #expect(plan.gradients <= plan.steps && plan.decodings == plan.steps)
      #expect(plan.isVerified == (plan.energy < model.threshold))
      #expect(plan.isVerified == (plan.reason == "verified"))
      #expect(plan.verifications >= 1 && plan.trace == nil && plan.firstGuess == nil)
    }
  }

  @Test func theEnergyTellsRightFromWrong() throws {
    let examples = TinyPlanner.examples.filter { $0.prompt.count == 3 }
    let right = try model.energies(
      ofPrompts: examples.map(\.prompt), answers: examples.map(\.answer))
    let wrong = try model.energies(
      ofPrompts: examples.map(\.prompt),
      answers: examples.map { $0.answer.prefix(2) + ($0.answer.last == "a" ? "b" : "a") })
    let auroc = HeldOutFigures.auroc(Tensor(wrong), over: Tensor(right))
    #expect(auroc > 0.95)
  }

  @Test func aSeedFixesThePlanAndNeighboursDoNotMatter() throws {
    let prompts = TinyPlanner.examples.prefix(20).map(\.prompt)
    let one = try plans(prompts) { $0.recordsTrace = true }
    let again = try plans(prompts) { $0.recordsTrace = true }
    #expect(one == again)
    let small = try plans(prompts) { ($0.recordsTrace, $0.batchSize) = (true, 3) }
    let alone = try plans([prompts[7]]) { $0.recordsTrace = true }[0]
    for (one, other) in [(one[7], small[7]), (one[7], alone)] {
      #expect(one.answer == other.answer && one.steps == other.steps)
      #expect(abs(one.energy - other.energy) < 1e-3 * max(1, one.energy))
    }
    let other = try plans(prompts) { ($0.recordsTrace, $0.seed) = (true, 1) }
    #expect(zip(one, other).contains { $0.trace![0].energy != $1.trace![0].energy })
  }

  @Test func theTraceIsWhatHappened() throws {
    for plan in try plans(["abc", "zzz"], { ($0.recordsTrace, $0.starts) = (true, 2) }) {
      let trace = try #require(plan.trace)
      #expect(trace.count == plan.steps + plan.starts)
      #expect(Set(trace.map(\.start)) == Set(1...plan.starts))
      for (before, after) in zip(trace, trace.dropFirst()) where before.start == after.start {
        #expect(after.step == before.step + 1)
        #expect(after.energy <= before.energy, "an energy that rose is taken back")
      }
      #expect(trace.contains { $0.text == plan.answer && $0.step > 0 })
      let table = plan.traceTable(threshold: model.threshold)
      let (guess, answer) = (
        plan.firstGuess!.withControlPictures, plan.answer.withControlPictures
      )
      #expect(table.hasPrefix("prompt      \(plan.prompt)\nsystem one  \(guess)   (one"))
      #expect(table.contains("system two  \(answer)   (\(plan.evaluations.counted("evaluation")))"))
      #expect(table.contains(plan.isVerified ? "\nverified: energy " : "\nunverified: energy "))
    }
  }

  @Test func whatIsShownDrivesNoTerminal() {
    #expect("a\nb\t\u{1B}[2J\u{7F}\u{9B}é".withControlPictures == "a␊b␉␛[2J␡\u{FFFD}é")
    let plan = Plan(
      prompt: "p\u{7}", answer: "x\ny", energy: 1, isVerified: true, starts: 1, steps: 1,
      evaluations: 2, gradients: 1, decodings: 1, verifications: 1, operations: 8,
      reason: "verified", firstGuess: "\u{0}",
      trace: [PlanStep(start: 1, step: 1, energy: 1, text: "\u{1B}c")])
    #expect(plan.line == "x␊y")
    let table = plan.traceTable(threshold: 2)
    #expect(table.contains("p␇") && table.contains("␀   (one") && table.contains("␛c"))
    #expect(plan.json.contains(#""answer":"x\ny""#), "as it is, in JSON")
  }

  @Test func budgetsHold() throws {
    model.threshold = -1
    let plans = try plans(["abc", "d"]) { ($0.steps, $0.starts) = (3, 2) }
    for plan in plans {
      #expect(plan.starts == 2 && plan.steps <= 6 && !plan.isVerified)
      #expect(["budget", "plateau"].contains(plan.reason))
      #expect(plan.line == "\(plan.answer.withControlPictures)\tunverified")
      // The lowest of all that were looked at.
      let energy = try model.energies(ofPrompts: [plan.prompt], answers: [plan.answer])[0]
      #expect(abs(energy - plan.energy) < 1e-3 * max(1, energy))
    }
  }

  @Test func unseenSymbolsAreAnswered() throws {
    let plans = try plans(["é", "?", "日"])
    #expect(plans.count == 3)
    for plan in plans where plan.isVerified { #expect(plan.energy < model.threshold) }
  }

  @Test func answersAfterGivenStepsAreThoseOfPlainDescents() throws {
    let prompts = ["abc", "dcb", "a"]
    let found = try Planner(model).answers(prompts, atSteps: [1, 4, 2])
    #expect(found.map(\.count) == [3, 3, 3])
    let traces = try plans(prompts) {
      ($0.recordsTrace, $0.verifies, $0.starts, $0.steps) = (true, false, 1, 4)
      $0.plateauPatience = 100
    }.map { $0.trace! }
    for (index, steps) in [1, 4, 2].enumerated() {
      #expect(found[index] == traces.map { $0[steps].text })
    }
  }

  @Test func jsonHoldsThePlan() throws {
    let plan = try plans(["ab"]) { $0.recordsTrace = true }[0]
    #expect(!plan.json.contains("\n"))
    #expect(try JSONDecoder().decode(Plan.self, from: Data(plan.json.utf8)) == plan)
  }

  // MARK: Pairs

  @Test func pairsOfAFileAreRanked() throws {
    let file = try TinyPlanner.file([
      TextExample(prompt: "abc", answer: "cba", negatives: ["cbb", "abc"]),
      TextExample(prompt: "d", answer: "d"),
    ])
    let pairs = try PairEnergies(model).energies(ofFile: file.path)
    #expect(pairs.map(\.negativeEnergies.count) == [2, 0])
    #expect(pairs[0].negativeEnergies.allSatisfy { $0 > pairs[0].energy })
    #expect(pairs[0].line.split(separator: "\t").count == 3)
    #expect(try JSONDecoder().decode(PairEnergy.self, from: Data(pairs[0].json.utf8)) == pairs[0])
  }

  // MARK: Pipes

  private func lines(_ bytes: [UInt8], groupSize: Int = 256) -> PromptLines {
    let pipe = Pipe()
    pipe.fileHandleForWriting.write(Data(bytes))
    try? pipe.fileHandleForWriting.close()
    return PromptLines(pipe.fileHandleForReading, groupSize: groupSize)
  }

  @Test func linesOfAPipeAreAnsweredInOrder() throws {
    let session = PlanningSession(Planner(model))
    var prompts: [String] = []
    try session.plan(lines(Array("abc\r\nd\nab".utf8), groupSize: 2)) { prompts.append($0.prompt) }
    #expect(prompts == ["abc", "d", "ab"])
    try session.plan(lines([])) { _ in Issue.record("an empty pipe has no prompt") }
  }

  @Test(arguments: [
    (
      "a\nb\nabcd\nc\n",
      "line 3 of the standard input: the prompt 'abcd' has 4 symbols, the model's limit is 3"
    ),
    ("a\nb\n\u{0}\n", "line 3 of the standard input: the text '\\0' holds a NUL byte"),
  ])
  func whatComesBeforeABadLineIsAnswered(text: String, message: String) {
    var prompts: [String] = []
    #expect {
      try PlanningSession(Planner(model)).plan(lines(Array(text.utf8))) {
        prompts.append($0.prompt)
      }
    } throws: { "\($0)" == message }
    #expect(prompts == ["a", "b"])
  }

  @Test func linesThatAreNotUTF8AreNamed() {
    #expect {
      try PlanningSession(Planner(model)).plan(lines([0x61, 0x0A, 0xFF, 0x0A])) { _ in }
    } throws: { "\($0)" == "line 2 of the standard input: the text is not UTF-8" }
  }
}

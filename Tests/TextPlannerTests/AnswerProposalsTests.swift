import Foundation
import TestSupport
import Testing
import Torch

@testable import TextPlanner

/// Generate and verify: a sampler that knows nothing, and a judge that does.
@Suite struct AnswerProposalsTests {
  let judge: PlannerModel
  let sampler: AutoregressiveModel
  private let prompts = ["a", "b", "ab", "cd", "d"]

  init() throws {
    judge = try PlannerModel.load(from: TinyPlanner.trained.get().path)
    sampler = AutoregressiveModel(
      judge.configuration, limits: judge.limits, using: RandomGenerator(seed: 1))
  }

  private func answers(
    _ prompts: [String], _ change: (inout ProposalOptions) -> Void = { _ in }
  ) throws -> [ProposedAnswer] {
    var options = ProposalOptions()
    change(&options)
    return try AnswerProposals(sampler, judgedBy: judge, options: options).answers(prompts)
  }

  @Test func theLowestEnergyOfWhatWasWrittenIsTaken() throws {
    judge.threshold = -1
    for answer in try answers(prompts) {
      #expect(answer.samples == 16 && !answer.isVerified)
      #expect((1...16).contains(answer.verifications))
      let more = try answers([answer.prompt]) { $0.samples = 32 }[0]
      // Of another batch, so of other last digits.
      #expect(more.energy <= answer.energy * (1 + 1e-5), "the first 16 are among the 32")
    }
  }

  @Test func theFirstBelowTheThresholdIsTaken() throws {
    judge.threshold = .infinity
    for answer in try answers(prompts) {
      #expect(answer.isVerified && answer.samples == 1 && answer.verifications == 1)
      let costs = judge.operationCosts(ofPrompt: answer.prompt)
      #expect(answer.operations > costs.prompt + costs.verification)
    }
    let all = try answers(prompts) { $0.verifies = false }
    #expect(all.allSatisfy { $0.samples == 16 })
  }

  @Test func aSeedFixesTheAnswersAndNeighboursDoNotMatter() throws {
    let together = try answers(prompts)
    #expect(try answers(prompts) == together)
    #expect(try answers(prompts) { $0.batchSize = 2 }.map(\.answer) == together.map(\.answer))
    #expect(try answers([prompts[3]])[0].answer == together[3].answer)
    #expect(try answers(prompts) { $0.seed = 1 }.map(\.answer) != together.map(\.answer))
  }

  @Test func aLowTemperatureWritesTheLikeliest() throws {
    let greedy = try sampler.answers(prompts).map(\.text)
    let cold = try sampler.samples(prompts, count: 1, seed: 0, temperature: 1e-4)
    #expect(cold.map { $0[0].text } == greedy)
  }

  @Test func otherLengthsAreRefused() {
    let other = AutoregressiveModel(
      judge.configuration, limits: TextLimits(promptLength: 9, answerLength: 9),
      using: RandomGenerator(seed: 1))
    #expect(throws: BaselineError.self) { _ = try AnswerProposals(other, judgedBy: judge) }
  }

  @Test func linesMarkWhatIsNotVerified() throws {
    judge.threshold = -1
    let answer = try answers(["a"])[0]
    #expect(answer.line.hasSuffix("\tunverified"))
    #expect(
      try JSONDecoder().decode(ProposedAnswer.self, from: Data(answer.json.utf8)) == answer)
  }
}

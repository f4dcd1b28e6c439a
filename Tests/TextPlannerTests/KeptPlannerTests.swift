import Foundation
import TestSupport
import Testing
import Torch

@testable import TextPlanner

/// Which weights a run gives away, and which prompts it says it has seen.
@Suite struct KeptPlannerTests {
  private func kept(
    _ trained: PlannerModel, averaging: Double = 0
  ) -> KeptPlanner {
    var configuration = KeepingConfiguration()
    (configuration.averaging, configuration.everySteps) = (averaging, 1)
    return KeptPlanner(configuration, of: trained) { PlannerModelTests.model(.float32, seed: 9) }
  }

  private func set(_ model: PlannerModel, to value: Double) {
    withoutGradient { for (_, tensor) in model.parameters { tensor.assign(value) } }
  }

  private func value(_ model: PlannerModel) -> Double { model.parameters[0].tensor.max().item() }

  @Test func theBestOfTheJudgedWeightsAreKept() {
    let trained = PlannerModelTests.model(.float32)
    let kept = kept(trained)
    for (step, score) in [0.2, 0.7, 0.7, 0.5].enumerated() {
      set(trained, to: Double(step))
      kept.follow(step: step + 1) { _ in score }
    }
    #expect(kept.score == 0.7)
    #expect(value(kept.chosen { _ in 0.5 }) == 2, "of equals the later")
    #expect(value(kept.chosen { _ in 0.9 }) == 3, "the weights as they are, where they are better")
  }

  @Test func anAverageForgetsYoungWeights() {
    let trained = PlannerModelTests.model(.float32)
    let kept = kept(trained, averaging: 0.5)
    set(trained, to: 100)
    kept.begin()
    set(trained, to: 1)
    for step in 1...40 { kept.follow(step: step) { _ in Double(step) } }
    #expect(abs(value(kept.chosen { _ in 1e9 }) - 1) < 1e-3)
    #expect(value(trained) == 1)
  }

  @Test func aRunRemembersWhatItWasTrainedOn() throws {
    let run = try TinyPlanner.trained.get().path
    let trained = try #require(try TrainedPrompts(ofCheckpoint: run))
    let prompts = TinyPlanner.examples.map(\.prompt)
    let known = prompts.filter(trained.contains)
    // The rest was held out.
    #expect(known.count < prompts.count && known.count > prompts.count / 2)
    #expect {
      try trained.checkAreNew(prompts, ofFile: "test.jsonl")
    } throws: {
      "\($0)".hasPrefix(
        "test.jsonl: expected prompts that the model was not trained on, found \(known.count) of 84"
      )
    }
    try trained.checkAreNew(prompts.filter { !trained.contains($0) } + ["zzz"], ofFile: "x")
  }
}

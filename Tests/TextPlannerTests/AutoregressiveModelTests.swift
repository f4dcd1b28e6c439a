import Foundation
import TestSupport
import Testing
import Torch

@testable import TextPlanner

/// The autoregressive baseline: what it writes with a cache is what it says of whole answers.
@Suite struct AutoregressiveModelTests {
  private let model: AutoregressiveModel
  private let prompts = ["12+34", "5", "100+7"]

  init() {
    var sizes = PlannerConfiguration()
    (sizes.width, sizes.heads, sizes.hidden) = (16, 2, 24)
    model = AutoregressiveModel(
      sizes, limits: TextLimits(promptLength: 8, answerLength: 5),
      using: RandomGenerator(seed: 3))
    // Far from uniform, so that different prompts lead to different answers.
    withoutGradient { for (_, tensor) in model.parameters { tensor.scale(by: 1.7) } }
  }

  private var context: AutoregressiveModel.Context {
    model.context(
      SymbolBatch(prompts.map { $0.utf8.map(Int32.init)[...] }, padding: model.vocabulary.end))
  }

  @Test func theCacheGivesWhatTheWholeForwardGives() {
    model.inferring {
      let context = context
      let generator = RandomGenerator(seed: 5)
      let written = model.write(context, drawnBy: { Tensor.uniform($1, using: generator) })
      let whole = -model.negativeLogLikelihoods(written.symbols, context)
      let difference = (whole - written.logLikelihoods).abs().max().item()
      #expect(difference < 1e-4, "\(difference)")
      #expect(Set(written.logLikelihoods.array(of: Float.self)).count == 3)
    }
  }

  @Test func greedyTakesTheLikeliestSymbolEachTime() {
    model.inferring {
      let context = context
      let symbols = model.write(context).symbols
      let likeliest = model.logits(symbols, context).argmax(-1)
      // Up to the first end: what would follow it does not count.
      let end = Double(model.vocabulary.end)
      let isEnd = (symbols .== end).to(.float32)
      let counts = (isEnd.cumulativeSum(1) - isEnd) .== 0
      #expect(((likeliest .== symbols) .| (.!counts)).all().item() == 1)
    }
  }

  @Test func likelihoodsOfAllAnswersSumToOne() throws {
    // All answers of up to two symbols of a model that knows only a, b and the end.
    var sizes = PlannerConfiguration()
    (sizes.width, sizes.heads, sizes.hidden) = (8, 2, 8)
    let model = AutoregressiveModel(
      sizes, limits: TextLimits(promptLength: 2, answerLength: 2), using: RandomGenerator(seed: 1))
    let (a, b) = (UInt8(ascii: "a"), UInt8(ascii: "b"))
    withoutGradient {
      let bias = model.parameters.first { $0.name == "output.bias" }!.tensor
      bias.assign(-1e4)
      for symbol in [Int(a), Int(b), model.vocabulary.end] { bias[symbol].assign(0) }
    }
    let answers = ["", "a", "b", "aa", "ab", "ba", "bb"]
    let likelihoods = try model.logLikelihoods(
      ofPrompts: answers.map { _ in "x" }, answers: answers)
    let sum = likelihoods.reduce(0) { $0 + exp($1) }
    #expect(abs(sum - 1) < 1e-5)
  }

  @Test func nothingAfterTheEndCounts() {
    model.inferring {
      let context = context
      let end = Int64(model.vocabulary.end)
      let first = Tensor(
        [49, end, 50, 51, 52].map { Int64($0) } + [Int64](repeating: 7, count: 10)
      )
      .reshaped(3, 5)
      let second = Tensor([49, end, end, end, end] + [Int64](repeating: 7, count: 10))
        .reshaped(3, 5)
      #expect(
        model.negativeLogLikelihoods(first, context).array(of: Float.self)[0]
          == model.negativeLogLikelihoods(second, context).array(of: Float.self)[0])
      #expect(model.symbolCounts(first).array(of: Float.self) == [2, 5, 5])
    }
  }

  @Test func noSymbolSeesThoseAfterIt() {
    model.inferring {
      let context = context
      let first = Tensor((0..<15).map { Int64(40 + $0) }, shape: [3, 5])
      let second = first.clone()
      second.assign(
        Tensor([Int64](repeating: 99, count: 3), shape: [3, 1]), at: Tensor([Int64(3)]), along: 1)
      let (one, other) = (model.logits(first, context), model.logits(second, context))
      #expect(
        one.slice(0..<4, along: 1).array(of: Float.self)
          == other.slice(0..<4, along: 1).array(of: Float.self))
      #expect(one[0].array(of: Float.self) != other[0].array(of: Float.self))
    }
  }

  @Test func samplesAreDrawnByTheirLikelihood() throws {
    let samples = try model.samples(["12+34"], count: 400, seed: 1)[0]
    #expect(samples.count == 400)
    #expect(try model.samples(["12+34"], count: 400, seed: 1)[0] == samples)
    let firsts = samples.map { Array($0.text.utf8).first }
    let logits = model.inferring {
      model.logits(
        Tensor.full([1, 5], 0, dtype: .int64),
        model.context(SymbolBatch([[49, 50, 43, 51, 52]], padding: model.vocabulary.end)))
    }
    let probabilities = logits[0][0].softmax(-1).array(of: Float.self)
    let likeliest = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
    let share = Double(firsts.count { $0.map(Int.init) ?? 256 == likeliest }) / 400
    let expected = Double(probabilities[likeliest])
    // Five standard deviations of 400 draws.
    #expect(abs(share - expected) < 5 * (expected * (1 - expected) / 400).squareRoot())
  }

  @Test func aPromptAloneIsAnsweredAsInABatch() throws {
    let together = try model.answers(prompts)
    for (prompt, answer) in zip(prompts, together) {
      let alone = try model.answers([prompt])[0]
      #expect(alone.text == answer.text)
      #expect(abs(alone.logLikelihood - answer.logLikelihood) < 1e-4)
    }
  }

  @Test func longTextsAreNamed() {
    #expect(throws: PlannerError.promptTooLong(prompt: "123456789", length: 9, limit: 8)) {
      try model.answers(["123456789"])
    }
    #expect(throws: PlannerError.answerTooLong(answer: "123456", length: 6, limit: 5)) {
      try model.logLikelihoods(ofPrompts: ["1"], answers: ["123456"])
    }
  }
}

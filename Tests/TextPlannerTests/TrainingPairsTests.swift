import Files
import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import TextPlanner

/// What a planner's training draws from its examples.
@Suite struct TrainingPairsTests {
  static func dataset(_ examples: [TextExample]) throws -> TextDataset {
    let file = TemporaryPath("pairs")
    let lines = try examples.map {
      String(decoding: try JSONEncoder().encode($0), as: UTF8.self)
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file.path))
    return try TextDataset(contentsOf: file.path)
  }

  static func pairs(
    _ examples: [TextExample], answerLength: Int = 4, heldOutShare: Double = 0.1
  ) throws -> TrainingPairs {
    TrainingPairs(
      try dataset(examples), vocabulary: Vocabulary(), answerLength: answerLength,
      heldOutShare: heldOutShare, seed: 1)
  }

  @Test func wholeAnswersAreHeldOutWhereThereAreMany() throws {
    let pairs = try Self.pairs(
      (0..<400).map { TextExample(prompt: "p\($0)", answer: "\($0 % 50)") })
    let answer = { (item: Int) in item % 50 }
    #expect(pairs.heldOut.count == 40 && pairs.trained.count == 360)
    #expect(Set(pairs.heldOut.map(answer)).isDisjoint(with: pairs.trained.map(answer)))
  }

  @Test func singleExamplesAreHeldOutWhereAnswersAreFew() throws {
    let pairs = try Self.pairs(
      (0..<40).map { TextExample(prompt: "p\($0)", answer: $0 % 2 == 0 ? "yes" : "no") })
    #expect(pairs.heldOut.count == 4 && pairs.trained.count == 36)
    #expect(Set(pairs.heldOut + pairs.trained) == Set(0..<40))
    let two = try Self.pairs([
      TextExample(prompt: "a", answer: "b"), TextExample(prompt: "c", answer: "d"),
    ])
    #expect(two.heldOut.count == 1 && two.trained.count == 1)
  }

  @Test func oneExampleIsTooFew() {
    #expect {
      _ = try TextTrainingConfiguration().resolved(
        for: Self.dataset([TextExample(prompt: "a", answer: "b")]))
    } throws: { "\($0)".hasSuffix(": expected at least 2 examples, found 1") }
  }

  /// Equal strings and answers of one group are never each other's negatives.
  @Test func strangersAreWrong() throws {
    let examples =
      (0..<20).map { TextExample(prompt: "p\($0)", answer: "\($0 % 4)", group: "g\($0 % 2)") }
      + [TextExample(prompt: "q", answer: "x"), TextExample(prompt: "r", answer: "3")]
    let pairs = try Self.pairs(examples)
    var draws = SeededGenerator(seed: 1)
    for _ in 0..<20 {
      for (item, other) in zip(
        examples.indices, pairs.others(than: Array(examples.indices), draws: &draws))
      {
        guard let other else { continue }
        let (mine, theirs) = (examples[item], examples[other])
        #expect(mine.answer != theirs.answer)
        if let group = mine.group {
          let alternatives = examples.filter { $0.group == group }.map(\.answer)
          #expect(!alternatives.contains(theirs.answer))
          #expect(pairs.isRight(alternatives[0], for: item))
        }
        #expect(!pairs.isRight(theirs.answer, for: item))
      }
    }
    #expect(!pairs.isRight("never seen", for: 0))
  }

  @Test func whereAllAnswersAreRightThereIsNoStranger() throws {
    let pairs = try Self.pairs((0..<6).map { TextExample(prompt: "\($0)", answer: "same") })
    var draws = SeededGenerator(seed: 1)
    #expect(pairs.others(than: [0, 1], draws: &draws) == [nil, nil])
  }

  @Test func givenNegativesAreDrawn() throws {
    let pairs = try Self.pairs([
      TextExample(prompt: "a", answer: "b", negatives: ["b", "x", "y"]),
      TextExample(prompt: "c", answer: "d"),
    ])
    var draws = SeededGenerator(seed: 1)
    var seen: Set<Int64> = []
    for _ in 0..<20 {
      let (answers, isGiven) = pairs.drawnNegatives([0, 1, nil], draws: &draws, device: .cpu)
      #expect(isGiven == [true, false, false])
      seen.insert(Int64(answers[0][0].integer()))
    }
    #expect(seen == Set("xy".utf8.map(Int64.init)), "what equals the answer is left out")
    #expect(pairs.hasNegatives)
  }

  @Test func batchesHoldTheTexts() throws {
    let pairs = try Self.pairs([
      TextExample(prompt: "ab", answer: "c"), TextExample(prompt: "d", answer: "efgh"),
    ])
    let batch = pairs.batch([1, 0], device: .cpu)
    #expect(batch.prompts.symbols.array(of: Int64.self) == [100, 256, 97, 98])
    #expect(
      batch.answers.array(of: Int64.self) == [101, 102, 103, 104, 99, 256, 256, 256])
    #expect(pairs.excerpts([0]) == ["'ab'"])
    #expect(pairs.alphabet == [99, 101, 102, 103, 104, 256])
  }

  // MARK: Corruption

  static func corruption(_ alphabet: [Int64], seed: UInt64 = 1) -> AnswerCorruption {
    AnswerCorruption(
      alphabet: alphabet, symbolCount: 257, device: .cpu, using: RandomGenerator(seed: seed))
  }

  @Test func nearMissesHaveOneMistake() {
    let answers = Tensor.integers(in: 0..<5, [400, 6], using: RandomGenerator(seed: 2))
    let wrong = Self.corruption([0, 1, 2, 3, 4]).nearMisses(answers)
    let changes = (wrong .!= answers).to(.int64).sum(1).array(of: Int64.self)
    #expect(Set(changes) == [1, 2], "one symbol, or two that changed places")
    let swaps = changes.count { $0 == 2 }
    #expect((50...150).contains(swaps))
    #expect(wrong.max().integer() <= 4)
    // Of equal symbols no swap makes a mistake.
    let same = Tensor.full([50, 6], 3, dtype: .int64)
    let replaced = Self.corruption([1, 3]).nearMisses(same)
    #expect((replaced .!= same).to(.int64).sum(1).array(of: Int64.self).allSatisfy { $0 == 1 })
  }

  @Test func corruptionStaysInTheAlphabetAndInItsShare() {
    let answers = Tensor.integers(in: 10..<14, [500, 10], using: RandomGenerator(seed: 2))
    let wrong = Self.corruption([10, 11, 12, 13]).corrupted(answers, share: 0.6)
    let changed = (wrong .!= answers).to(.float32).mean().item()
    // Half of 0.6 on average, a quarter of it by chance the same symbol again.
    #expect((0.17...0.28).contains(changed))
    #expect(wrong.min().integer() == 10 && wrong.max().integer() == 13)
    let untouched = Self.corruption([10]).corrupted(answers, share: 0)
    #expect((untouched .!= answers).any().integer() == 0)
  }
}

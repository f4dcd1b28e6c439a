import Foundation
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files

@Suite struct RankStatisticsTests {
  @Test func knownValues() throws {
    #expect(try RankStatistics.auroc(positives: [3, 4], negatives: [1, 2]) == 1)
    #expect(try RankStatistics.auroc(positives: [1, 2], negatives: [3, 4]) == 0)
    #expect(try RankStatistics.auroc(positives: [1, 1], negatives: [1, 1, 1]) == 0.5)
    // scikit-learn's example: scores .1 .4 .35 .8 of classes 0 0 1 1.
    #expect(try RankStatistics.auroc(positives: [0.35, 0.8], negatives: [0.1, 0.4]) == 0.75)
    #expect(
      try RankStatistics.auroc(positives: [.infinity], negatives: [-.infinity, 1]) == 1)
    #expect(
      try RankStatistics.pairedAccuracy(positives: [2, 1, 5, 0], negatives: [1, 1, 4, 3])
        == 0.625)
  }

  @Test func agreesWithBruteForceOnTies() throws {
    let generator = RandomGenerator(seed: 9)
    for _ in 0..<20 {
      let scores = Tensor.integers(in: 0..<6, [37], using: generator)
        .array(of: Int64.self).map(Double.init)
      let (positives, negatives) = (Array(scores.prefix(15)), Array(scores.suffix(22)))
      var wins = 0.0
      for p in positives {
        for n in negatives { wins += p > n ? 1 : p == n ? 0.5 : 0 }
      }
      let auroc = try RankStatistics.auroc(positives: positives, negatives: negatives)
      #expect(abs(auroc - wins / (15 * 22)) < 1e-12)
      let ranks = positives.compactMap { RankStatistics.rank(of: $0, among: negatives) }
      #expect(abs(auroc - ranks.reduce(0, +) / Double(ranks.count)) < 1e-12)
      let reversed = try RankStatistics.auroc(positives: negatives, negatives: positives)
      #expect(abs(auroc + reversed - 1) < 1e-12)
    }
  }

  @Test func refusesNothingAndNotANumber() {
    #expect(throws: InputError.self) {
      try RankStatistics.auroc(positives: [], negatives: [1])
    }
    #expect(throws: EvaluationError.notANumber(purpose: "AUROC", item: 1)) {
      try RankStatistics.auroc(positives: [1], negatives: [1, .nan])
    }
    #expect(throws: EvaluationError.self) {
      try RankStatistics.pairedAccuracy(positives: [1, 2], negatives: [1])
    }
  }
}

@Suite struct EmbeddingSpreadTests {
  @Test func orthonormalEmbeddingsFillTheirSpace() throws {
    #expect(abs(try EmbeddingSpread.rankMe(of: .identity(16)) - 16) < 1e-3)
    let tall = Tensor.concatenate([Tensor.identity(8), Tensor.identity(8)])
    #expect(abs(try EmbeddingSpread.rankMe(of: tall) - 8) < 1e-3)
    #expect(abs(try EmbeddingSpread.rankMe(of: tall.transposed()) - 8) < 1e-3)
  }

  @Test func collapsedEmbeddingsHaveRankOne() throws {
    #expect(abs(try EmbeddingSpread.rankMe(of: .ones([50, 32])) - 1) < 1e-3)
    #expect(try EmbeddingSpread.rankMe(of: .zeros([50, 32])) == 1)
  }

  @Test func followsItsFormula() throws {
    // Singular values 3 and 1.
    let matrix = Tensor([Float](arrayLiteral: 3, 0, 0, 1), shape: [2, 2])
    let expected = exp(-(0.75 * log(0.75) + 0.25 * log(0.25)))
    #expect(abs(try EmbeddingSpread.rankMe(of: matrix) - expected) < 1e-5)
    #expect(
      abs(try EmbeddingSpread.rankMe(of: matrix * 1e-3) - expected) < 1e-5, "scale matters")
  }

  @Test func agreesWithSingularValues() throws {
    let x = Tensor.normal([60, 20], using: RandomGenerator(seed: 2), dtype: .float64)
    let sigma = x.singularValues().array(of: Double.self)
    let total = sigma.reduce(0, +)
    let entropy = sigma.map { $0 / total + 1e-7 }.map { -$0 * log($0) }.reduce(0, +)
    #expect(abs(try EmbeddingSpread.rankMe(of: x) - exp(entropy)) < 1e-9)
  }

  @Test func measuresDeviations() throws {
    let x = Tensor([Float](arrayLiteral: 1, 5, 0, 3, 5, 4), shape: [2, 3])
    let spread = try EmbeddingSpread(of: EmbeddingTable(embeddings: x, labels: [0, 1]))
    #expect(EmbeddingSpread.deviations(of: x) == [1, 0, 2])
    #expect(spread.meanDeviation == 1 && spread.leastDeviation == 0)
    #expect(abs(spread.deadShare - 1.0 / 3) < 1e-12)
  }

  @Test func refusesOneItem() {
    #expect(throws: InputError.tooFewItems(purpose: "RankMe", needed: 2, found: 1)) {
      try EmbeddingSpread.rankMe(of: .ones([1, 4]))
    }
  }
}

import Foundation
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation

/// Test items that are nearly training items, and the figures without them.
@Suite struct LeakedPicturesTests {
  private let train: EmbeddingTable
  private let test: EmbeddingTable

  /// 60 training items; of 20 test items the first four are training items with a little noise.
  init() throws {
    func random(_ count: Int, _ seed: UInt64) -> Tensor {
      Tensor.normal([count, 16], using: RandomGenerator(seed: seed))
    }
    let items = random(60, 1)
    train = try EmbeddingTable(
      embeddings: items, labels: (0..<60).map { $0 % 3 }, paths: (0..<60).map { "train/\($0)" })
    test = try EmbeddingTable(
      embeddings: Tensor.concatenate([items.slice(0..<4) + random(4, 2) * 0.02, random(16, 3)]),
      labels: (0..<20).map { $0 % 3 }, paths: (0..<20).map { "test/\($0)" })
  }

  @Test func nearAndEqualOnesAreFound() throws {
    let leaks = LeakedPictures(
      train: train, test: test, shared: [.init(test: "test/9", train: "train/5")])
    #expect(leaks.pairs.map(\.test) == ["test/0", "test/1", "test/2", "test/3", "test/9"])
    #expect(leaks.pairs.map(\.train) == ["train/0", "train/1", "train/2", "train/3", "train/5"])
    #expect(leaks.pairs.map(\.sameBytes) == [false, false, false, false, true])
    let summary = try #require(leaks.summary)
    #expect(
      summary.hasPrefix("4 of 20 test pictures are nearly in the training folder, by embeddings"))
    #expect(summary.hasSuffix("; …)"))
    #expect(leaks.isNew(test.paths).count { !$0 } == 5)
    let none = LeakedPictures(train: train, test: train, shared: [], threshold: 1)
    #expect(none.pairs.count == 60)
  }

  @Test func theFiguresWithoutThemStandBeside() throws {
    let leaks = LeakedPictures(train: train, test: test, shared: [])
    let scores = try EmbeddingScores(train: train, test: test, k: 1)
    // One neighbour: what leaks is right.
    #expect(scores.isRightByKNN.prefix(4) == [true, true, true, true])
    let report = try EvaluationReport(
      trained: scores, randomWeights: scores, rawPixels: scores, energy: [:], train: train,
      test: test, classes: ["a", "b", "c"], k: 1,
      checkpoint: .init(path: "runs/x", encoder: "conv-tiny"), leaks: leaks)
    let rest = try #require(report.withoutLeaks)
    let expected = Double(scores.isRightByKNN.dropFirst(4).count { $0 }) / 16
    #expect(rest.test == 16 && rest.accuracies.trained.knnTop1 == expected)
    #expect(report.trained.knnTop1 == (16 * expected + 4) / 20)
    #expect(
      report.table.contains(
        "without the 4 test items that the training items hold, or nearly: 16 are left"))
    #expect(report.verdict.contains("And 4 of 20 test pictures are nearly in the training folder"))
    let again = try JSONDecoder().decode(
      EvaluationReport.self, from: Data(try report.json().utf8))
    #expect(again == report)
    let clean = LeakedPictures(
      train: train,
      test: try EmbeddingTable(
        embeddings: test.embeddings.slice(4..<20), labels: Array(test.labels[4...]),
        paths: Array(test.paths[4...])), shared: [])
    #expect(clean.summary == nil && clean.pairs.isEmpty)
  }
}

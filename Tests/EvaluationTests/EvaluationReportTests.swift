import Foundation
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation

@Suite struct EvaluationReportTests {
  /// Items whose classes are `separation` deviations apart.
  static func table(_ separation: Double, count: Int, seed: UInt64) throws -> EmbeddingTable {
    let labels = (0..<count).map { $0 % 5 == 0 ? 0 : 1 + $0 % 2 }
    let centres = Tensor.identity(8).slice(0..<3) * separation
    return try EmbeddingTable(
      embeddings: centres.select(indices: Tensor(labels.map(Int64.init)))
        + Tensor.normal([count, 8], using: RandomGenerator(seed: seed)),
      labels: labels)
  }

  static func scores(_ separation: Double) throws -> EmbeddingScores {
    try EmbeddingScores(
      train: table(separation, count: 300, seed: 1), test: table(separation, count: 400, seed: 2))
  }

  static func report(
    trained: Double, random: Double, pixels: Double
  ) throws -> EvaluationReport {
    try EvaluationReport(
      trained: scores(trained), randomWeights: scores(random), rawPixels: scores(pixels),
      energy: [
        .noise: .init(auroc: 0.9, paired: 0.95, controlAuroc: 0.4, controlPaired: 0.3)
      ],
      train: table(1, count: 300, seed: 1), test: table(1, count: 400, seed: 2),
      classes: ["a", "b", "c"], k: 20,
      checkpoint: .init(path: "runs/x", encoder: "conv-tiny", step: 7))
  }

  @Test func hasThePromisedKeys() throws {
    let report = try Self.report(trained: 5, random: 0.5, pixels: 1)
    let json = try report.json()
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    for key in ["trained", "randomWeights"] {
      let figures = try #require(object[key] as? [String: Double])
      #expect(Set(figures.keys) == ["knnTop1", "linearTop1", "rankMe", "rankMeBound"])
    }
    let pixels = try #require(object["rawPixels"] as? [String: Double])
    #expect(Set(pixels.keys) == ["knnTop1", "linearTop1"])
    #expect(object["majority"] as? Double == 0.4)
    let energy = try #require(object["energy"] as? [String: [String: Double]])
    #expect(
      energy == [
        "noise": ["auroc": 0.9, "paired": 0.95, "controlAuroc": 0.4, "controlPaired": 0.3]
      ])
    #expect(try JSONDecoder().decode(EvaluationReport.self, from: Data(json.utf8)) == report)
    #expect(report.counts.train == 300 && report.counts.test == 400)
    #expect(report.counts.classes == 3 && report.k == 20)
  }

  /// 6 of 6 is no certainty; a share's interval has nothing outside of 0 to 1.
  @Test func intervalsAreHonestOfFewItems() throws {
    // From R: binom::binom.wilson(6, 6), binom.wilson(5, 6), binom.wilson(50, 100).
    for (share, count, low, high) in [
      (1.0, 6, 0.6097, 1.0), (5.0 / 6, 6, 0.4365, 0.9699), (0.5, 100, 0.4038, 0.5962),
      (0.0, 6, 0.0, 0.3903),
    ] {
      let interval = ShareInterval(of: share, count: count)
      #expect(abs(interval.low - low) < 1e-4 && abs(interval.high - high) < 1e-4, "\(interval)")
    }
    let report = try Self.report(trained: 3, random: 0.5, pixels: 1)
    #expect(
      report.intervals.trained.knnTop1 == ShareInterval(of: report.trained.knnTop1, count: 400))
    #expect(!report.table.contains("±"))
  }

  /// Newcombe 1998, table II, row (a): 56/70 and 48/80 differ by .0524 to .3339 (method 10).
  @Test func differencesHaveNewcombesInterval() {
    let (p, q) = (ShareInterval(of: 56.0 / 70, count: 70), ShareInterval(of: 48.0 / 80, count: 80))
    let low = 0.2 - hypot(0.8 - p.low, q.high - 0.6)
    let high = 0.2 + hypot(p.high - 0.8, 0.6 - q.low)
    #expect(abs(low - 0.0524) < 1e-4 && abs(high - 0.3339) < 1e-4)
    // Of equal counts, as here all are: the same from the type itself.
    let difference = ShareDifference(0.8, above: 0.6, count: 70)
    #expect(difference.standing == .above && difference.low < 0.0524)
    #expect(ShareDifference(0, above: 1, count: 6).standing == .below)
    #expect(ShareDifference(5.0 / 6, above: 1, count: 6).standing == .level)
  }

  @Test func ranksSayTheirBound() throws {
    let report = try Self.report(trained: 5, random: 0.5, pixels: 1)
    #expect(report.trained.rankMeBound == 8)
    #expect(report.table.contains(" of 8\n"))
    let few = try EmbeddingSpread(of: Self.table(1, count: 5, seed: 1))
    #expect(few.rankMeBound == 5)
  }

  @Test func endsWithWhatWasLearned() throws {
    let report = try Self.report(trained: 5, random: 0.5, pixels: 1.5)
    #expect(report.table.hasSuffix("\n\n" + report.verdict))
    let points = String(format: "%+.1f", 100 * (report.trained.knnTop1 - report.rawPixels.knnTop1))
    #expect(
      report.verdict.hasPrefix("By kNN the encoder is above raw pixels (\(points) points, 95 %: +"))
    #expect(report.verdict.contains("\nBy the linear probe the encoder is above raw pixels (+"))
    #expect(report.verdict.hasSuffix(": it has learned what neither shows."))
    #expect(report.table.contains("runs/x (conv-tiny, step 7)"))
  }

  /// Each of the nine claims learning where the encoder is above its random weights alone, harm where
  /// it is below them, and says where raw pixels serve better.
  @Test func conclusionsFollow() {
    var conclusions: Set<String> = []
    for pixels in ShareDifference.Standing.allCases {
      for random in ShareDifference.Standing.allCases {
        let conclusion = EvaluationReport.conclusion(pixels: pixels, random: random)
        conclusions.insert(conclusion)
        #expect(conclusion.hasPrefix("it has learned") == (random == .above), "\(conclusion)")
        #expect(conclusion.contains("made it worse") == (random == .below), "\(conclusion)")
        #expect(
          conclusion.contains("nothing shows that")
            == (random == .level
              || pixels == .level && random == .above),
          "\(conclusion)")
        #expect(conclusion.contains("raw pixels serve better") == (pixels == .below))
      }
    }
    #expect(conclusions.count == 9)
  }

  @Test func verdictsDoNotContradictThemselves() throws {
    let behind = try Self.report(trained: 2, random: 0.2, pixels: 5).verdict
    #expect(behind.hasPrefix("By kNN the encoder is below raw pixels (-"))
    #expect(behind.hasSuffix(": it has learned, but raw pixels serve better."))
    let level = try Self.report(trained: 1, random: 1, pixels: 1).verdict
    #expect(
      level.hasPrefix("By kNN the encoder is level with raw pixels (+0.0 points, 95 %: -"))
    #expect(level.hasSuffix(": nothing shows that it has learned."))
  }
}

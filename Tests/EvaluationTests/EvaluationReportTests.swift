import Evaluation
import Foundation
import Testing
import Torch

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
      #expect(Set(figures.keys) == ["knnTop1", "linearTop1", "rankMe"])
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

  @Test func statesStandardErrors() throws {
    #expect(EvaluationReport.standardError(of: 0.5, count: 100) == 0.05)
    let report = try Self.report(trained: 3, random: 0.5, pixels: 1)
    let p = report.trained.knnTop1
    #expect(report.standardErrors.trained.knnTop1 == (p * (1 - p) / 400).squareRoot())
  }

  @Test func endsWithWhatWasLearned() throws {
    let report = try Self.report(trained: 5, random: 0.5, pixels: 1.5)
    let last = try #require(report.table.split(separator: "\n").last)
    #expect(last == report.verdict)
    #expect(last.hasPrefix("The encoder beats raw pixels by "))
    #expect(last.hasSuffix(": it has learned."))
    let points = String(format: "%.1f", 100 * (report.trained.knnTop1 - report.rawPixels.knnTop1))
    #expect(last.contains("by \(points) points"))
    #expect(report.table.contains("runs/x (conv-tiny, step 7)"))
  }

  @Test func saysWhereRawPixelsServeAsWell() throws {
    let verdict = try Self.report(trained: 2, random: 0.2, pixels: 5).verdict
    #expect(verdict.hasPrefix("The encoder is behind raw pixels (-"))
    #expect(verdict.hasSuffix("it has learned something, but less than raw pixels show."))
  }

  @Test func saysWhereNothingWasLearned() throws {
    let verdict = try Self.report(trained: 1, random: 1, pixels: 1).verdict
    #expect(
      verdict == "The encoder is level with raw pixels (+0.0 points) and is level with its own "
        + "random weights (+0.0) (kNN; linear probe: +0.0 and +0.0): "
        + "nothing here shows that it has learned.")
  }
}

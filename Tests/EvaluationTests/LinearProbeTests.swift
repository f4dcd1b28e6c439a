import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files

@Suite struct LinearProbeTests {
  static let reference = Result {
    try SafetensorsFile(path: Fixtures.path("linear_probe/reference.safetensors"))
  }

  static func values<Element: TensorElement>(
    _ name: String, of: Element.Type = Element.self
  ) throws -> [Element] {
    try reference.get().withBytes(of: name) { Array($0.bindMemory(to: Element.self)) }
  }

  static func table(_ problem: String) throws -> EmbeddingTable {
    let shape = try reference.get().entry("\(problem).embeddings").shape
    return try EmbeddingTable(
      embeddings: Tensor(values("\(problem).embeddings", of: Float.self), shape: shape),
      labels: values("\(problem).labels", of: Int64.self).map(Int.init))
  }

  @Test(arguments: ["tall", "wide"], [("strong", 0.3), ("weak", 0.001)])
  func findsTheMinimumThatScikitLearnFinds(problem: String, penalty: (String, Double)) throws {
    let table = try Self.table(problem)
    let probe = try LinearProbe(
      fitting: table, options: .init(strengths: [penalty.1], gradientTolerance: 1e-10))
    let key = "\(problem).\(penalty.0)"
    let weights: [Double] = try Self.values("\(key).weights")
    let bias: [Double] = try Self.values("\(key).bias")
    let objective: [Double] = try Self.values("\(key).objective")
    let greatest = weights.map(abs).max()!
    let weightError = zip(probe.weights.contiguous().array(of: Double.self), weights)
      .map { abs($0 - $1) }.max()!
    let biasError = zip(probe.bias.array(of: Double.self), bias).map { abs($0 - $1) }.max()!
    #expect(weightError <= 2e-4 * greatest)
    #expect(biasError <= 2e-4 * greatest)
    #expect(abs(probe.fit.objective / objective[0] - 1) <= 1e-6)
    #expect(probe.fit.candidates.isEmpty && probe.fit.strength == penalty.1)
  }

  @Test func choosesThePenaltyOnHeldOutItems() throws {
    let table = try Self.table("tall")
    let probe = try LinearProbe(fitting: table)
    let fit = probe.fit
    #expect(fit.reason == .converged && fit.gradientNorm <= 1e-4)
    #expect(fit.candidates.map(\.strength) == fit.candidates.map(\.strength).sorted(by: >))
    let best = try #require(
      fit.candidates.min { $0.heldOutCrossEntropy < $1.heldOutCrossEntropy })
    #expect(best.strength == fit.strength)
    #expect(try probe.top1(on: table) > 0.6)
    // The same seed, the same fit.
    #expect(try LinearProbe(fitting: table).fit == fit)
  }

  @Test func separatesWhatALineSeparates() throws {
    let generator = RandomGenerator(seed: 3)
    let labels = (0..<90).map { $0 % 3 }
    let centres = Tensor([Float](arrayLiteral: 9, 0, 0, 9, -9, -9), shape: [3, 2])
    let table = try EmbeddingTable(
      embeddings: centres.select(indices: Tensor(labels.map(Int64.init)))
        + Tensor.normal([90, 2], using: generator),
      labels: labels)
    let probe = try LinearProbe(fitting: table)
    #expect(try probe.top1(on: table) == 1)
    #expect(probe.weights.sum(1).abs().max().item() < 1e-6)
  }

  @Test func ignoresConstantDimensions() throws {
    let table = try Self.table("tall")
    let constant = Tensor.full([table.count, 2], 1234.567)
    let wider = try EmbeddingTable(
      embeddings: .concatenate([table.embeddings, constant], along: 1), labels: table.labels)
    let options = LinearProbe.Options(strengths: [0.01])
    let plain = try LinearProbe(fitting: table, options: options)
    let probe = try LinearProbe(fitting: wider, options: options)
    #expect((probe.weights.slice(0..<12) - plain.weights).abs().max().item() < 1e-4)
    #expect(probe.weights.slice(12..<14).abs().max().item() == 0)
  }

  @Test func fitsEmbeddingsThatAreAllTheSame() throws {
    let table = try EmbeddingTable(
      embeddings: .ones([20, 4]), labels: (0..<20).map { $0 < 15 ? 0 : 1 })
    let probe = try LinearProbe(fitting: table)
    #expect(try probe.top1(on: table) == 0.75)
  }

  @Test func refusesOneClass() throws {
    let table = try EmbeddingTable(embeddings: .ones([5, 2]), labels: [1, 1, 1, 1, 1])
    #expect(throws: EmbeddingError.tooFewClasses(found: 1)) { try LinearProbe(fitting: table) }
  }

  @Test func refusesToChooseWithoutItemsToChooseOn() throws {
    let table = try EmbeddingTable(embeddings: .ones([2, 2]), labels: [0, 1])
    #expect(throws: InputError.self) { try LinearProbe(fitting: table) }
  }

  @Test func refusesAnotherWidthAndBadSettings() throws {
    let table = try Self.table("tall")
    let probe = try LinearProbe(fitting: table, options: .init(strengths: [1]))
    let narrow = try EmbeddingTable(embeddings: .ones([1, 3]), labels: [0])
    #expect(throws: EmbeddingError.widthMismatch(expected: 12, found: 3)) {
      try probe.classify(narrow)
    }
    #expect(throws: InputError.self) {
      try LinearProbe(fitting: table, options: .init(strengths: [0]))
    }
    #expect(throws: InputError.self) {
      try LinearProbe(fitting: table, options: .init(heldOutShare: 1))
    }
  }
}

@Suite struct StratifiedSplitTests {
  @Test func keepsEveryClassAndItsShare() {
    let labels = (0..<100).map { $0 < 50 ? 0 : $0 < 90 ? 1 : $0 < 99 ? 2 : 3 }
    let split = StratifiedSplit(labels: labels, heldOutShare: 0.2, seed: 1)
    #expect(split.heldOut.map { labels[$0] }.count { $0 == 0 } == 10)
    #expect(split.heldOut.map { labels[$0] }.count { $0 == 1 } == 8)
    #expect(split.heldOut.map { labels[$0] }.count { $0 == 2 } == 2)
    #expect(split.kept.contains(99))
    #expect((split.kept + split.heldOut).sorted() == Array(0..<100))
  }

  @Test func dependsOnTheSeedAlone() {
    let labels = (0..<60).map { $0 % 7 }
    let split = StratifiedSplit(labels: labels, heldOutShare: 0.3, seed: 5)
    #expect(split == StratifiedSplit(labels: labels, heldOutShare: 0.3, seed: 5))
    #expect(split != StratifiedSplit(labels: labels, heldOutShare: 0.3, seed: 6))
  }
}

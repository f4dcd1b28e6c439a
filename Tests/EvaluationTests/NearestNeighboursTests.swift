import Foundation
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files

@Suite struct NearestNeighboursTests {
  /// The items at `rows`, in that order.
  private static func selecting(_ rows: [Int], of items: EmbeddingTable) throws -> EmbeddingTable {
    try EmbeddingTable(
      embeddings: items.embeddings.select(indices: Tensor(rows.map(Int64.init))),
      labels: rows.map { items.labels[$0] })
  }

  static func random(_ count: Int, _ width: Int, classes: Int, seed: UInt64) throws
    -> EmbeddingTable
  {
    let generator = RandomGenerator(seed: seed)
    return try EmbeddingTable(
      embeddings: Tensor.normal([count, width], using: generator) + 2,
      labels: Tensor.integers(in: 0..<classes, [count], using: generator)
        .array(of: Int64.self).map(Int.init))
  }

  static func rows(_ table: EmbeddingTable) -> [[Double]] {
    let values = table.embeddings.array(of: Float.self).map(Double.init)
    return (0..<table.count).map { Array(values[$0 * table.width..<($0 + 1) * table.width]) }
  }

  /// Cosines of centred rows, the long way.
  static func cosines(_ items: EmbeddingTable, _ queries: EmbeddingTable) -> [[Double]] {
    let rows = rows(items)
    let mean = (0..<items.width).map { d in
      rows.map { $0[d] }.reduce(0, +) / Double(rows.count)
    }
    func centred(_ row: [Double]) -> [Double] {
      let difference = zip(row, mean).map { $0 - $1 }
      let length = difference.map { $0 * $0 }.reduce(0, +).squareRoot()
      return difference.map { $0 / length }
    }
    let directions = rows.map(centred)
    return Self.rows(queries).map(centred).map { query in
      directions.map { zip($0, query).map(*).reduce(0, +) }
    }
  }

  @Test func agreesWithBruteForce() throws {
    let items = try Self.random(60, 7, classes: 4, seed: 1)
    let queries = try Self.random(25, 7, classes: 4, seed: 2)
    let search = try NearestNeighbours(among: items, k: 5, temperature: 0.3)
    let matches = try search.neighbours(of: queries)
    var predictions: [Int] = []
    for (query, cosines) in Self.cosines(items, queries).enumerated() {
      let nearest = cosines.indices.sorted { cosines[$0] > cosines[$1] }.prefix(5)
      #expect(matches.indices[query] == Array(nearest))
      for (found, row) in zip(matches.similarities[query], nearest) {
        #expect(abs(Double(found) - cosines[row]) < 1e-5)
      }
      var votes = [Double](repeating: 0, count: 4)
      for row in nearest { votes[items.labels[row]] += exp(cosines[row] / 0.3) }
      predictions.append(votes.firstIndex(of: votes.max()!)!)
    }
    #expect(try search.classify(queries) == predictions)
    let right = zip(predictions, queries.labels).count { $0 == $1 }
    #expect(try search.top1(on: queries) == Double(right) / 25)
  }

  @Test func leavesEachItemOut() throws {
    let items = try Self.random(40, 6, classes: 3, seed: 3)
    let search = try NearestNeighbours(among: items, k: 4)
    let cosines = Self.cosines(items, items)
    let matches = try search.neighboursWithinItems()
    for row in 0..<40 {
      let nearest = cosines[row].indices.filter { $0 != row }
        .sorted { cosines[row][$0] > cosines[row][$1] }.prefix(4)
      #expect(matches.indices[row] == Array(nearest))
    }
    #expect(try search.neighbours(of: items).indices.enumerated().allSatisfy { $1[0] == $0 })
    #expect(try NearestNeighbours(among: items, k: 1).top1(on: items) == 1)
  }

  @Test func isTheSameInSeveralBlocks() throws {
    // 300 x 70,000 similarities take two blocks.
    let items = try Self.random(70_000, 2, classes: 2, seed: 4)
    let queries = try Self.random(300, 2, classes: 2, seed: 5)
    let search = try NearestNeighbours(among: items, k: 3)
    let whole = try search.neighbours(of: queries)
    let last = try search.neighbours(of: Self.selecting([0, 238, 239, 240, 299], of: queries))
    #expect(last.similarities == [0, 238, 239, 240, 299].map { whole.similarities[$0] })
  }

  @Test func theMeanDoesNotMatter() throws {
    let items = try Self.random(50, 5, classes: 3, seed: 6)
    let far = try EmbeddingTable(embeddings: items.embeddings + 64, labels: items.labels)
    #expect(
      try NearestNeighbours(among: items, k: 3).neighboursWithinItems().indices
        == NearestNeighbours(among: far, k: 3).neighboursWithinItems().indices)
  }

  @Test func anEmbeddingAtTheMeanHasNoNeighboursButIsClassified() throws {
    let items = try EmbeddingTable(
      embeddings: Tensor([Float](arrayLiteral: 1, 0, -1, 0), shape: [2, 2]), labels: [0, 1])
    let query = try EmbeddingTable(embeddings: .zeros([1, 2]), labels: [0])
    let search = try NearestNeighbours(among: items, k: 2)
    #expect(try search.neighbours(of: query).similarities == [[0, 0]])
    #expect(try search.classify(query) == [0])
  }

  @Test func refusesWhatItCannotSearch() throws {
    let items = try Self.random(10, 3, classes: 2, seed: 7)
    #expect(throws: InputError.tooFewItems(purpose: "kNN with k = 20", needed: 20, found: 10)) {
      try NearestNeighbours(among: items)
    }
    #expect(throws: InputError.self) { try NearestNeighbours(among: items, k: 0) }
    #expect(throws: InputError.self) {
      try NearestNeighbours(among: items, k: 1, temperature: 0)
    }
    #expect(throws: InputError.self) {
      try NearestNeighbours(among: items, k: 10).neighboursWithinItems()
    }
    let wide = try Self.random(10, 4, classes: 2, seed: 8)
    #expect(throws: EmbeddingError.widthMismatch(expected: 3, found: 4)) {
      try NearestNeighbours(among: items, k: 1).top1(on: wide)
    }
    let one = try EmbeddingTable(
      embeddings: items.embeddings, labels: Array(repeating: 2, count: 10))
    #expect(throws: EmbeddingError.tooFewClasses(found: 1)) {
      try NearestNeighbours(among: one, k: 1).top1(on: items)
    }
  }
}

@Suite struct EmbeddingTableTests {
  @Test func refusesWhatIsNotEmbeddings() {
    #expect(throws: EmbeddingError.notAMatrix(shape: [2, 3, 4])) {
      try EmbeddingTable(embeddings: .ones([2, 3, 4]), labels: [0, 0])
    }
    #expect(throws: EmbeddingError.countMismatch(embeddings: 2, labels: 3, paths: 3)) {
      try EmbeddingTable(embeddings: .ones([2, 3]), labels: [0, 0, 1])
    }
    #expect(throws: EmbeddingError.invalidLabel(row: 1, found: -1)) {
      try EmbeddingTable(embeddings: .ones([2, 3]), labels: [0, -1])
    }
  }

  @Test(arguments: [Float.nan, .infinity])
  func namesTheRowThatIsNotFinite(value: Float) {
    let bad = Tensor([1, 2, 3, value, 5, 6], shape: [3, 2])
    #expect(throws: EmbeddingError.nonFiniteEmbedding(row: 1, path: "b.png")) {
      try EmbeddingTable(
        embeddings: bad, labels: [0, 1, 0], paths: ["a.png", "b.png", "c.png"])
    }
  }

  @Test func takesGreatButFiniteNumbers() throws {
    let great = Tensor.full([4, 4], 3e38)
    #expect(try EmbeddingTable(embeddings: great, labels: [0, 0, 1, 1]).classSizes == [2, 2])
  }
}

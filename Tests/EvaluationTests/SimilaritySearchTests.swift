import Foundation
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files

@Suite struct SimilaritySearchTests {
  private static func random(_ count: Int, _ width: Int, seed: UInt64) -> Tensor {
    Tensor.normal([count, width], using: RandomGenerator(seed: seed)) + 2
  }

  /// Cosines about the mean, the long way.
  private static func cosines(_ items: Tensor, _ queries: Tensor) -> [[Double]] {
    func rows(_ tensor: Tensor) -> [[Double]] {
      let values = tensor.array(of: Float.self).map(Double.init)
      return (0..<tensor.size(0)).map {
        Array(values[$0 * tensor.size(1)..<($0 + 1) * tensor.size(1)])
      }
    }
    let all = rows(items)
    let mean = (0..<items.size(1)).map { d in all.map { $0[d] }.reduce(0, +) / Double(all.count) }
    func direction(_ row: [Double]) -> [Double] {
      let difference = zip(row, mean).map { $0 - $1 }
      let length = difference.map { $0 * $0 }.reduce(0, +).squareRoot()
      return difference.map { $0 / length }
    }
    let directions = all.map(direction)
    return rows(queries).map(direction).map { query in
      directions.map { zip($0, query).map(*).reduce(0, +) }
    }
  }

  @Test(arguments: [7, 50, 4096])
  func neighboursAreThoseOfBruteForce(blockRows: Int) {
    let (items, queries) = (Self.random(50, 6, seed: 1), Self.random(9, 6, seed: 2))
    let search = SimilaritySearch(items, blockRows: blockRows)
    let cosines = Self.cosines(items, queries)
    for (query, matches) in search.nearest(to: queries, top: 5).enumerated() {
      let expected = cosines[query].indices.sorted { cosines[query][$0] > cosines[query][$1] }
      #expect(matches.map(\.row) == Array(expected.prefix(5)))
      for match in matches {
        #expect(abs(Double(match.similarity) - cosines[query][match.row]) < 1e-5)
      }
    }
    let own = search.nearest(to: items, top: 3, excluding: (0..<50).map { $0 })
    #expect(
      own.enumerated().allSatisfy { row, matches in
        matches.count == 3 && matches.allSatisfy { $0.row != row }
      })
    #expect(search.nearest(to: queries, top: 99)[0].count == 50)
  }

  @Test(arguments: [7, 4096])
  func pairsAreThoseOfBruteForce(blockRows: Int) {
    let items = Self.random(40, 4, seed: 3)
    let cosines = Self.cosines(items, items)
    var found: Set<[Int]> = []
    SimilaritySearch(items, blockRows: blockRows).forEachPair(above: 0.8) { first, second, value in
      #expect(found.insert([first, second]).inserted)
      #expect(abs(Double(value) - cosines[first][second]) < 1e-5)
    }
    var expected: Set<[Int]> = []
    for first in 0..<40 {
      for second in first + 1..<40 where cosines[first][second] >= 0.8 {
        expected.insert([first, second])
      }
    }
    #expect(found == expected && !expected.isEmpty)
  }

  /// What short vectors exclude is not near: the pairs are those of all products, few or many of them, within all
  /// rows and between two parts of them.
  @Test(arguments: [0.02, 0.5, 3])
  func aBoundMissesNoPair(noise: Double) {
    let generator = RandomGenerator(seed: 8)
    let centres = Tensor.normal([40, 48], using: generator)
    let items =
      Tensor.concatenate((0..<35).map { _ in centres })
      + Tensor.normal([1400, 48], using: generator) * noise
    let search = SimilaritySearch(items)
    for split in [nil, 500] {
      func pairs(isBounded: Bool) -> [[Int]: Float] {
        var found: [[Int]: Float] = [:]
        search.forEachPair(above: 0.8, acrossRow: split, isBounded: isBounded) {
          #expect(found.updateValue($2, forKey: [$0, $1]) == nil && $0 < $1)
        }
        return found
      }
      let (expected, found) = (pairs(isBounded: false), pairs(isBounded: true))
      // On the threshold itself rounding decides.
      func inner(_ pairs: [[Int]: Float]) -> Set<[Int]> {
        Set(pairs.filter { $0.value > 0.8 + 1e-5 }.keys)
      }
      #expect(inner(expected).isSubset(of: found.keys))
      #expect(inner(found).isSubset(of: expected.keys))
      #expect(found.allSatisfy { pair, value in abs(value - (expected[pair] ?? value)) < 1e-5 })
      #expect(noise > 1 || !expected.isEmpty)
      if let split {
        #expect(found.keys.allSatisfy { $0[0] < split && $0[1] >= split })
      }
    }
  }

  /// On a circle, 20 degrees apart: a row is near the one that is kept, and no chain goes further.
  @Test func copiesAreNearTheOneThatIsKept() throws {
    let angles = [0.0, 20, 40, 60, 80, 180, 200, 110].map { $0 * .pi / 180 }
    let points = Tensor(
      angles.flatMap { [Float(cos($0)), Float(sin($0))] }, shape: [angles.count, 2])
    for blockRows in [2, 3, 4096] {
      let search = SimilaritySearch(
        points, mean: Tensor.zeros([1, 2]), blockRows: blockRows)
      // 0.9 is 26 degrees.
      let found = try DuplicateGroups(among: search, threshold: 0.9)
      #expect(found.groups.map(\.rows) == [[0, 1], [2, 3], [5, 6]])
      #expect(found.surplusCount == 3)
      #expect(found.groups[0].similarities[0] == 1)
      #expect(abs(found.groups[0].similarities[1] - Float(cos(20 * Double.pi / 180))) < 1e-6)
    }
    for threshold in [-1, 0, 1.5, Float.nan] {
      #expect(throws: InputError.self) {
        try DuplicateGroups(among: SimilaritySearch(points), threshold: threshold)
      }
    }
  }

  /// Copies do not draw the mean to themselves, and few pictures have none.
  @Test func theMeanIsThatOfDifferentPictures() throws {
    let different = Self.random(30, 16, seed: 4)
    let copies = Tensor.concatenate(
      (0..<200).map { different.slice($0 % 2..<$0 % 2 + 1) })
    let noise = Tensor.normal([200, 16], using: RandomGenerator(seed: 6)) * 0.005
    func groups(_ rows: Tensor) throws -> [Int] {
      try DuplicateGroups(among: .forCopies(among: rows, threshold: 0.97), threshold: 0.97)
        .groups.map(\.rows.count)
    }
    #expect(try groups(different).isEmpty)
    #expect(
      try groups(Tensor.concatenate([copies + noise, different.slice(2..<30)])) == [100, 100])
    #expect(try groups(copies + noise) == [100, 100])
    #expect(try groups(different.slice(0..<3)).isEmpty)
    let one = different.slice(0..<1)
    #expect(try groups(one).isEmpty)
    #expect(try groups(Tensor.concatenate([one, one])) == [2])
  }
}

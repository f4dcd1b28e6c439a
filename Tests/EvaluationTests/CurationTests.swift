import Foundation
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Files

/// Outliers, uniqueness and samples, of points whose distances are known.
@Suite struct CurationTests {
  private let folder: OutputFolder

  init() throws { folder = try OutputFolder() }

  /// A file of embeddings; its pictures are nowhere.
  private func file(_ points: [[Float]], names: [String]) throws -> EmbeddingFile {
    try folder.embeddings(points.flatMap { $0 }, of: names)
  }

  private func random(_ count: Int, _ width: Int, seed: UInt64) -> [[Float]] {
    let all = Tensor.normal([count, width], using: RandomGenerator(seed: seed))
      .array(of: Float.self)
    return (0..<count).map { Array(all[$0 * width..<($0 + 1) * width]) }
  }

  private func names(_ count: Int) -> [String] { (0..<count).map { String(format: "p%03d", $0) } }

  /// Neighbours of every row against the long way, over several blocks.
  @Test(arguments: [7, 4096])
  func nearestOfEachIsThatOfBruteForce(blockRows: Int) {
    let items = Tensor.normal([40, 6], using: RandomGenerator(seed: 3)) + 1
    let search = SimilaritySearch(items, blockRows: blockRows)
    let expected = search.nearest(to: items, top: 4, excluding: (0..<40).map { $0 })
    let found = search.nearestOfEach(4)
    for (one, other) in zip(found, expected) {
      #expect(one.map(\.row) == other.map(\.row))
      for (a, b) in zip(one, other) { #expect(abs(a.similarity - b.similarity) < 1e-5) }
    }
    #expect(search.nearestOfEach(99).allSatisfy { $0.count == 39 })
  }

  /// Two bundles of directions, and three odd ones that are near each other.
  @Test func oddPicturesAreFoundInSmallGroupsToo() throws {
    let noise = random(63, 8, seed: 1)
    let points = noise.enumerated().map { number, noise -> [Float] in
      var point = noise.map { $0 * 0.1 }
      point[number >= 60 ? 2 : number % 2] += 3
      return point
    }
    let file = try file(points, names: names(63))
    let report = try OutlierReport(of: file, k: 5, top: 4)
    #expect(Set(report.outliers.prefix(3).map(\.picture.path)) == ["p060", "p061", "p062"])
    #expect(report.far >= 3 && report.outliers[2].deviations > 10)
    #expect(report.outliers[3].deviations < report.outliers[2].deviations / 2)
    #expect(report.outliers[0].nearest.count == 5)
    // The nearest one alone does not show them.
    let nearest = try OutlierReport(of: file, k: 1, top: 3)
    #expect(Set(nearest.outliers.map(\.picture.path)) != ["p060", "p061", "p062"])
    #expect(report.table.hasSuffix("more than 3.5 above it"))
    for (k, top) in [(0, 5), (5, 0), (63, 5)] {
      #expect(throws: InputError.self) { try OutlierReport(of: file, k: k, top: top) }
    }
  }

  /// The values by their definition; a picture with three copies has none of its own.
  @Test func uniquenessIsThatOfTheDefinition() throws {
    var points = random(12, 5, seed: 2)
    points += [points[4], points[4], points[4]]
    let report = try UniquenessReport(of: try file(points, names: names(15)))
    #expect(report.pictures.prefix(4).map(\.picture.path) == ["p004", "p012", "p013", "p014"])
    #expect(report.pictures.prefix(4).allSatisfy { $0.uniqueness < 2e-3 && $0.similarity > 0.999 })
    #expect(report.pictures.last?.uniqueness == 1)
    let mean = (0..<5).map { d in points.map { Double($0[d]) }.reduce(0, +) / 15 }
    let units = points.map { point -> [Double] in
      let centred = zip(point, mean).map { Double($0) - $1 }
      let length = centred.map { $0 * $0 }.reduce(0, +).squareRoot()
      return centred.map { $0 / length }
    }
    let lengths = units.indices.map { row -> Double in
      let sorted = units.indices.filter { $0 != row }.map { other in
        zip(units[row], units[other]).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
      }.sorted()
      return 0.6 * sorted[0] + 0.3 * sorted[1] + 0.1 * sorted[2]
    }
    for picture in report.pictures {
      let expected = lengths[picture.picture.row] / lengths.max()!
      #expect(abs(picture.uniqueness - expected) < 2e-3)
    }
    let lines = report.csv.split(separator: "\r\n")
    #expect(lines.count == 16 && lines[0] == "row,path,label,frame,uniqueness")
    #expect(throws: InputError.self) {
      try UniquenessReport(of: try file(random(3, 5, seed: 1), names: names(3)))
    }
  }

  /// Each next picture is the farthest; the first n of a sample are the sample of n; nothing is farther than the radius.
  @Test func samplesCoverWhatThereIs() throws {
    let points = random(50, 4, seed: 4)
    let file = try file(points, names: names(50))
    let whole = try SampleReport(12, of: file)
    #expect(whole.pictures.count == 12 && whole.pictures[0].distance == nil)
    #expect(
      try SampleReport(5, of: file).pictures.map(\.picture.path)
        == whole.pictures.prefix(5).map(\.picture.path))
    let distances = whole.pictures.dropFirst().compactMap(\.distance)
    #expect(distances == distances.sorted(by: >) && whole.radius <= distances.last!)
    let search = SimilaritySearch(try file.matrix())
    let directions = search.directions(of: try file.matrix())
    let chosen = directions.select(indices: Tensor(whole.pictures.map { Int64($0.picture.row) }))
    let farthest = directions.matmul(chosen.transposed()).max(1).min().item()
    #expect(abs((2 - 2 * farthest).squareRoot() - whole.radius) < 1e-3)
    for count in [0, 51] {
      #expect(throws: InputError.self) { try SampleReport(count, of: file) }
    }
    // Of copies one is chosen.
    let copies = try SampleReport(
      6, of: try self.file(Array(points[..<3] + points[..<3]), names: names(6)))
    #expect(copies.pictures.count == 3 && copies.radius == 0)
  }

  /// Rows in another order, and the same answer.
  @Test func theOrderOfTheRowsDoesNotMatter() throws {
    let (points, names) = (random(30, 6, seed: 6), names(30))
    let order = (0..<30).map { $0 * 7 % 30 }
    func answers(_ order: [Int]) throws -> [[String]] {
      let file = try file(order.map { points[$0] }, names: order.map { names[$0] })
      return [
        try OutlierReport(of: file, k: 3, top: 30).outliers.map {
          "\($0.picture.path) \($0.distance) \($0.nearest.map(\.picture.path))"
        },
        try UniquenessReport(of: file).pictures.map { "\($0.picture.path) \($0.uniqueness)" },
        try SampleReport(9, of: file).pictures.map {
          "\($0.picture.path) \($0.distance ?? -1)"
        },
      ]
    }
    #expect(try answers(Array(0..<30)) == answers(order))
  }
}

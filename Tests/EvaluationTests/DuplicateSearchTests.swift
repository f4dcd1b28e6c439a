import Foundation
import Pictures
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Files

/// Copies by embeddings alone that are acted on: what is kept, what could go, and that neither depends on the order of the rows.
@Suite struct DuplicateSearchTests {
  private let folder: OutputFolder

  init() throws { folder = try OutputFolder() }

  /// A picture of its own in a file of its own.
  @discardableResult
  private func picture(_ name: String, _ seed: UInt64, size: Int = 12) throws -> String {
    var draws = SeededGenerator(seed: seed)
    let pixels = (0..<size * size * 3).map { _ in UInt8(draws.index(below: 256)) }
    let path = folder(name)
    try FileManager.default.createDirectory(
      atPath: PathParts(path).folder, withIntermediateDirectories: true)
    try RGBImage(width: size, height: size, pixels: pixels).write(toPNG: path)
    return path
  }

  private func file(_ rows: [(path: String, degrees: Double)]) throws -> EmbeddingFile {
    try CircleFile(folder).write(rows)
  }

  private func report(
    _ rows: [(path: String, degrees: Double)], _ change: (inout DuplicateSearch) -> Void = { _ in }
  ) throws -> DuplicateReport {
    var search = DuplicateSearch(try file(rows))
    search.threshold = 0.9
    search.confirmation = .none
    change(&search)
    return try search.run()
  }

  private func names(_ members: [DuplicateReport.Member]) -> [String] {
    members.map { URL(fileURLWithPath: $0.path).lastPathComponent }
  }

  /// Equal bytes are copies whatever their embeddings say, links are no copies, and what is not there never goes.
  @Test func filesAreComparedByTheirBytesFirst() throws {
    let original = try picture("a.png", 1)
    let (copy, hard, soft) = (folder("b.png"), folder("c.png"), folder("d.png"))
    try FileManager.default.copyItem(atPath: original, toPath: copy)
    try FileManager.default.linkItem(atPath: original, toPath: hard)
    try FileManager.default.createSymbolicLink(atPath: soft, withDestinationPath: original)
    // Of the same length, and other bytes.
    let other = folder("e.png")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: original))
    bytes.append(contentsOf: [0])
    try bytes.write(to: URL(fileURLWithPath: other))

    let found = try report([
      (soft, 10), (copy, 200), (original, 10), (hard, 10), (other, 10), (folder("gone.png"), 10),
    ])
    let group = try #require(found.groups.first)
    #expect(found.groups.count == 1 && found.missing == 129)
    #expect(names(group) == ["a.png", "b.png", "c.png", "d.png", "e.png", "gone.png"])
    #expect(
      group.map(\.relation) == [.kept, .sameBytes, .sameFile, .sameFile, .samePixels, .near])
    #expect(group.map(\.isMissing) == [false, false, false, false, false, true])
    #expect(found.removable == [copy, other] && found.surplus == 2)
    #expect(group[0].hardLinks == 2 && group[0].width == 12)
    #expect(found.table.contains("2 names are links to a file that is kept"))
    #expect(found.table.contains("129 of 134 pictures are not there"))
  }

  /// 20 degrees apart, and near within 26: a chain of four, about its ends or about what is kept.
  @Test func linksDecideOnChains() throws {
    let paths = try (0..<4).map { try picture("\($0).png", UInt64($0)) }
    let rows = zip(paths, [0.0, 20, 40, 60]).map { ($0, $1) }
    func groups(_ link: DuplicateGroups.Link) throws -> [[String]] {
      try report(rows) { $0.link = link }.groups.map(names)
    }
    #expect(try groups(.star) == [["0.png", "1.png"], ["2.png", "3.png"]])
    #expect(try groups(.single) == [["0.png", "1.png", "2.png", "3.png"]])
    let complete = try groups(.complete)
    #expect(complete.allSatisfy { $0.count == 2 } && complete.count == 2)
    let chain = try report(rows) { $0.link = .single }
    #expect(chain.removable == [paths[1]])
    #expect(chain.groups[0].map(\.relation) == [.kept, .near, .chained, .chained])
    #expect(chain.table.contains("1 group is chains: 2 of their pictures are not near"))
  }

  /// The largest of four is kept, and takes those near it: not those near them.
  @Test func theLargestOrTheBestIsKept() throws {
    var paths = try (0..<4).map { try picture("\($0).png", UInt64($0), size: $0 == 2 ? 40 : 12) }
    let rows = zip(paths, [0.0, 20, 40, 60]).map { ($0, $1) }
    for keep in [DuplicateSearch.Keep.largest, .best] {
      let found = try report(rows) { $0.keep = keep }
      #expect(found.groups.map(names) == [["2.png", "1.png", "3.png"]])
    }
    // More pixels, of one colour: the largest, and not the best.
    paths.append(folder("plain.png"))
    try RGBImage(width: 64, height: 64, color: .white).write(toPNG: paths[4])
    let more = rows + [(paths[4], 40)]
    #expect(try report(more) { $0.keep = .largest }.groups[0][0].path == paths[4])
    #expect(try report(more) { $0.keep = .best }.groups[0][0].path == paths[2])
  }

  /// Only what is in the second folder could go, and only for what is in the first.
  @Test func copiesAcrossFolders() throws {
    let (library, inbox) = (folder("library"), folder("inbox"))
    let rows = [
      (try picture("inbox/near.png", 1), 12.0), (try picture("inbox/twin1.png", 2), 100),
      (try picture("inbox/twin2.png", 3), 101), (try picture("library/one.png", 4), 0),
      (try picture("library/two.png", 5), 20), (try picture("elsewhere.png", 6), 12),
    ]
    let copy = "\(inbox)/copy.png"
    try FileManager.default.copyItem(atPath: rows[3].0, toPath: copy)
    let linked = "\(inbox)/linked.png"
    try FileManager.default.linkItem(atPath: rows[4].0, toPath: linked)
    func across(_ kept: String, _ searched: String) throws -> DuplicateReport {
      try report(rows + [(copy, 0), (linked, 20)]) {
        $0.across = .init(kept: kept, searched: searched)
      }
    }
    let found = try across(library, inbox + "/")
    #expect(Set(found.removable) == [copy, rows[0].0])
    #expect(found.groups.allSatisfy { $0[0].path.hasPrefix(library) })
    // 8 degrees from one, 12 from the other.
    let near = try #require(found.groups.joined().first { $0.path == rows[0].0 })
    #expect(abs(near.similarity - Float(cos(8 * Double.pi / 180))) < 0.01)
    // The other way round the link is the file that is kept, and stays.
    #expect(try across(inbox, library).removable == [rows[3].0])
    #expect(throws: InputError.self) { try across(folder("library"), folder("")) }
    #expect(throws: InputError.self) { try across(library, folder("nowhere")) }
    try FileManager.default.createDirectory(
      atPath: folder("empty"), withIntermediateDirectories: true)
    #expect(throws: EmbeddingError.self) { try across(library, folder("empty")) }
  }

  /// Rows in another order, and the same answer.
  @Test(arguments: DuplicateGroups.Link.allCases)
  func theOrderOfTheRowsDoesNotMatter(link: DuplicateGroups.Link) throws {
    var draws = SeededGenerator(seed: 5)
    var rows = try (0..<24).map { number in
      (try picture("p\(number).png", UInt64(number % 9), size: 6 + number % 3), Double(number * 7))
    }
    func answer() throws -> [[String]] {
      try report(rows) {
        $0.link = link
        $0.keep = .largest
      }.groups.map { $0.map { "\($0.path) \($0.relation) \($0.similarity) \($0.canGo)" } }
    }
    let expected = try answer()
    #expect(!expected.isEmpty)
    for _ in 0..<3 {
      for place in rows.indices.reversed() { rows.swapAt(place, draws.index(below: place + 1)) }
      #expect(try answer() == expected)
    }
  }

  /// Where nearly all pictures are alike, their pairs would not fit into memory.
  @Test func pairsHaveALimit() throws {
    let alike = SimilaritySearch(Tensor.ones([5, 3]), mean: nil)
    #expect(throws: EmbeddingError.tooManyPairs(threshold: 0.9, found: 10, limit: 9)) {
      try NearPairs(among: alike, threshold: 0.99, said: 0.9, limit: 9)
    }
    #expect(try NearPairs(among: alike, threshold: 0.99, said: 0.9, limit: 10).rows.count == 5)
  }

  /// Complete linkage against its definition: two groups are merged while the least similar pair between them is the
  /// greatest of all such, and near.
  @Test func completeLinkageIsThatOfTheDefinition() {
    var draws = SeededGenerator(seed: 3)
    let count = 14
    var similarity = [[Float]](repeating: Array(repeating: 1, count: count), count: count)
    for first in 0..<count {
      for second in first + 1..<count {
        similarity[first][second] = draws.uniform(in: 0...1)
        similarity[second][first] = similarity[first][second]
      }
    }
    var pairs: [NearPairs.Pair] = []
    for first in 0..<count {
      for second in first + 1..<count where similarity[first][second] >= 0.4 {
        pairs.append(
          .init(
            first: Int32(first), second: Int32(second), similarity: similarity[first][second]))
      }
    }
    var groups = (0..<count).map { [$0] }
    while true {
      var best: (least: Float, one: Int, other: Int)?
      for one in groups.indices {
        for other in one + 1..<groups.count {
          let least = groups[one].flatMap { row in groups[other].map { similarity[row][$0] } }
            .min()!
          if least >= 0.4, least > best?.least ?? 0 { best = (least, one, other) }
        }
      }
      guard let best else { break }
      groups[best.one] += groups.remove(at: best.other)
    }
    let found = NearPairs(pairs).completeLinkage()
    let grouped = Dictionary(grouping: found.keys) { found[$0]! }.values.map { $0.sorted() }
    #expect(
      Set(grouped) == Set(groups.map { $0.sorted() }.filter { $0.count > 1 || found[$0[0]] != nil })
    )
    #expect(grouped.contains { $0.count > 2 })
  }
}

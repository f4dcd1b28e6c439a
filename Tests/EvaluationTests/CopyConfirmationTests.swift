import Files
import Foundation
import Pictures
import TestSupport
import Testing
import Torch

@testable import Embeddings

/// Copies that embeddings propose and pixels confirm.
@Suite struct CopyConfirmationTests {
  private let folder: OutputFolder

  init() throws { folder = try OutputFolder() }

  private func write(_ image: RGBImage, _ name: String) throws -> String {
    let path = folder(name)
    try FileManager.default.createDirectory(
      atPath: PathParts(path).folder, withIntermediateDirectories: true)
    try image.write(toPNG: path)
    return path
  }

  /// How well pictures agree, each as the first and as the second.
  private func agreements(_ one: RGBImage, _ other: RGBImage) throws -> [Float] {
    let paths = [try write(one, "one.png"), try write(other, "other.png")]
    let sketches = try PictureSketches(
      of: paths.enumerated().map { ($0.offset, $0.element) }, decoder: ImageDecoder())
    return sketches.agreements(of: [(0, 1), (1, 0)])
  }

  @Test(arguments: MadeCopies.Kind.allCases)
  func aCopyOfEachKindIsConfirmed(kind: MadeCopies.Kind) throws {
    let original = MadeCopies.photograph(1)
    let copy = MadeCopies.copy(original, kind)
    for agreement in try agreements(original, copy) {
      #expect(agreement >= ConfirmedPairs.defaultLeast, "\(kind): \(agreement)")
    }
  }

  @Test func copiesOfOnePictureAreCopiesOfEachOther() throws {
    let original = MadeCopies.photograph(2)
    for (one, other) in [
      (MadeCopies.Kind.border, MadeCopies.Kind.caption), (.crop, .mirror), (.grey, .half),
    ] {
      let found = try agreements(
        MadeCopies.copy(original, one), MadeCopies.copy(original, other))
      #expect(found.min()! >= ConfirmedPairs.defaultLeast, "\(one), \(other): \(found)")
    }
    #expect(try agreements(original, original).min()! > 0.999)
  }

  /// One thing in two colours of the same brightness is two things; a paler or grey copy is a copy.
  @Test func otherColoursAreOtherPictures() throws {
    let original = MadeCopies.photograph(1)
    func colours(times factor: Float) -> RGBImage {
      var image = original
      for place in stride(from: 0, to: image.pixels.count, by: 3) {
        let pixel = (0..<3).map { Float(original.pixels[place + $0]) }
        let luma = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]
        for channel in 0..<3 {
          let value = luma + factor * (pixel[channel] - luma)
          image.pixels[place + channel] = UInt8(max(0, min(255, value)))
        }
      }
      return image
    }
    for factor: Float in [0, 0.5, 1.3] {
      let found = try agreements(original, colours(times: factor))
      #expect(found.min()! >= ConfirmedPairs.defaultLeast, "\(factor): \(found)")
    }
    let mirrored = MadeCopies.copy(colours(times: -0.9), .mirror)
    for other in [colours(times: -0.9), mirrored] {
      #expect(try agreements(original, other) == [0, 0])
    }
  }

  /// The same things from a little to the side are another picture, and so are other things, and nothing at all.
  @Test func otherShotsAndOtherPicturesAreRefused() throws {
    let original = MadeCopies.photograph(3)
    for other in [
      MadeCopies.photograph(3, moved: 8), MadeCopies.photograph(4),
      RGBImage(width: 90, height: 60, color: .white),
    ] {
      let found = try agreements(original, other)
      #expect(found.max()! < ConfirmedPairs.defaultLeast, "\(found)")
    }
  }

  /// Embeddings a little apart, which pixels say are copies; the same embedding of another shot; and files that are gone.
  @Test(arguments: DuplicateGroups.Link.allCases)
  func pixelsDecideAndEmbeddingsPropose(link: DuplicateGroups.Link) throws {
    let original = MadeCopies.photograph(5)
    var rows = [
      (try write(original, "a.png"), 0.0),
      (try write(MadeCopies.photograph(5, moved: 8), "shot.png"), 0),
      (folder("gone.png"), 1),
    ]
    for (number, kind) in [MadeCopies.Kind.grey, .crop, .border].enumerated() {
      rows.append(
        (try write(MadeCopies.copy(original, kind), "\(kind).png"), Double(20 * number + 20)))
    }
    let unreadable = folder("text.png")
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: unreadable))
    rows.append((unreadable, 1))
    func report() throws -> DuplicateReport {
      var search = DuplicateSearch(try CircleFile(folder).write(rows))
      search.link = link
      return try search.run()
    }
    let found = try report()
    let group = try #require(found.groups.first)
    let copies = ["border.png", "crop.png", "grey.png"].map { folder($0) }
    #expect(found.removable == copies)
    #expect(Set(group.map(\.path)).isSuperset(of: copies + [rows[0].0]))
    // By chains what is not there brings the other shot with it, which stays.
    let shot = group.first { $0.path == rows[1].0 }
    #expect(link == .single ? shot?.relation == .chained : shot == nil)
    for member in group.dropFirst() where copies.contains(member.path) {
      #expect(member.agreement! >= 0.7 && member.similarity < 0.97 && member.canGo)
    }
    // What cannot be looked at is near by its embedding, and stays.
    let unsure = group.filter(\.isUnsure)
    #expect(Set(unsure.map(\.path)).isSubset(of: [rows[2].0, unreadable]))
    #expect(link != .star || unsure.count == 2)
    #expect(unsure.allSatisfy { $0.agreement == nil && !$0.canGo })
    #expect(found.table.contains("compared by embeddings alone, at 0.97"))
    #expect(found.table.contains("of near-duplicates by pixels at 0.7: 3 of "))
    // The same answer again, and from rows in another order.
    let expected = found.groups.map {
      $0.map { "\($0.path) \($0.similarity) \($0.agreement ?? 0)" }
    }
    var draws = SeededGenerator(seed: 4)
    for _ in 0..<2 {
      for place in rows.indices.reversed() { rows.swapAt(place, draws.index(below: place + 1)) }
      #expect(
        try report().groups.map {
          $0.map { "\($0.path) \($0.similarity) \($0.agreement ?? 0)" }
        } == expected)
    }
  }

  /// An encoder to which a grey or mirrored copy is another picture does not hide it: what is light and dark proposes it too.
  @Test func copiesThatEmbeddingsTellApartAreFound() throws {
    let original = MadeCopies.photograph(13)
    let rows = [
      (try write(original, "a.png"), 0.0),
      (try write(MadeCopies.copy(original, .grey), "b.png"), 120),
      (try write(MadeCopies.copy(original, .mirror), "c.png"), 240),
      (try write(MadeCopies.photograph(14), "d.png"), 120),
    ]
    let found = try DuplicateSearch(try CircleFile(folder).write(rows)).run()
    #expect(found.removable == [rows[1].0, rows[2].0])
    #expect(found.groups.joined().allSatisfy { $0.path != rows[3].0 })
  }

  /// Across folders the likeliest of the first is kept.
  @Test func copiesAcrossFoldersAreConfirmed() throws {
    let original = MadeCopies.photograph(6)
    let rows = [
      (try write(original, "library/a.png"), 0.0),
      (try write(MadeCopies.photograph(6, moved: 8), "library/shot.png"), 30),
      (try write(MadeCopies.copy(original, .half), "inbox/half.png"), 30),
      (try write(MadeCopies.photograph(7), "inbox/other.png"), 0),
    ]
    var search = DuplicateSearch(try CircleFile(folder).write(rows))
    search.across = .init(kept: folder("library"), searched: folder("inbox"))
    let found = try search.run()
    #expect(found.groups.map { $0.map(\.path) } == [[rows[0].0, rows[2].0]])
    #expect(found.removable == [rows[2].0])
  }

  /// A picture that was changed after it was embedded is no copy by what it was: pixels refuse it, and without them it
  /// stays.
  @Test func whatWasChangedSinceDoesNotGo() throws {
    let rows = [
      (try write(MadeCopies.photograph(8), "a.png"), 0.0),
      (try write(MadeCopies.copy(MadeCopies.photograph(8), .grey), "b.png"), 1),
    ]
    let file = try CircleFile(folder).write(rows)
    func removable(_ confirmation: DuplicateSearch.Confirmation) throws -> DuplicateReport {
      var search = DuplicateSearch(file)
      search.confirmation = confirmation
      return try search.run()
    }
    #expect(try removable(.none).removable == [rows[1].0])
    #expect(try removable(.pixels).removable == [rows[1].0])
    for changed in [1, 0] {
      let path = try write(MadeCopies.photograph(9 + UInt64(changed)), ["a.png", "b.png"][changed])
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: 60)], ofItemAtPath: path)
      let found = try removable(.none)
      #expect(found.removable.isEmpty && found.groups.count == 1)
      #expect(found.table.contains("changed after"))
      #expect(try removable(.pixels).groups.isEmpty)
    }
  }

  /// Without a link no room is won, whatever it leads to.
  @Test func linksNeverGo() throws {
    let target = try write(MadeCopies.photograph(10), "library/x.png")
    let kept = try write(MadeCopies.copy(MadeCopies.photograph(10), .half), "library/y.png")
    let link = folder("inbox/link.png")
    try FileManager.default.createDirectory(
      atPath: folder("inbox"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    for confirmation in DuplicateSearch.Confirmation.allCases {
      var search = DuplicateSearch(try CircleFile(folder).write([(kept, 0), (link, 1)]))
      search.confirmation = confirmation
      search.across = .init(kept: folder("library"), searched: folder("inbox"))
      let found = try search.run()
      #expect(found.groups.map { $0.map(\.path) } == [[kept, link]] && found.removable.isEmpty)
    }
  }

  /// Two folders whose names are one to a reader, and two to the file system.
  @Test func foldersAreTheirBytes() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    #expect(composed == decomposed && !composed.utf8.elementsEqual(decomposed.utf8))
    let original = MadeCopies.photograph(11)
    let rows = [
      (try write(original, "\(composed)/a.png"), 0.0),
      (try write(MadeCopies.copy(original, .grey), "\(decomposed)/b.png"), 1),
    ]
    var search = DuplicateSearch(try CircleFile(folder).write(rows))
    search.across = .init(kept: folder(composed), searched: folder(decomposed))
    #expect(try search.run().removable == [rows[1].0])
  }

  @Test func aSampleListsWhatIsThere() throws {
    let rows = [(try write(MadeCopies.photograph(12), "a.png"), 0.0), (folder("gone.png"), 90)]
    let report = try SampleReport(60, of: CircleFile(folder).write(rows))
    #expect(report.pictures.count == 60 && report.paths == [rows[0].0])
    #expect(report.summary.hasSuffix("59 of them are not there"))
  }

  /// Vectors whose rest beyond the kept directions is so short that 1 - |P u|^2 has no digit of it, as near as the threshold.
  @Test func aBoundKeepsPairsOnTheThreshold() {
    let bulk = Tensor.normal([2000, 31], using: RandomGenerator(seed: 1)).array(of: Float.self)
    var values: [Float] = []
    for row in 0..<2000 {
      values += bulk[row * 31..<(row + 1) * 31] + Array(repeating: 0, count: 9)
    }
    let (pairs, threshold) = (60, 0.9)
    for pair in 0..<pairs {
      let base = bulk[pair * 31..<(pair + 1) * 31].map(Double.init)
      let length = base.map { $0 * $0 }.reduce(0, +).squareRoot()
      let short = 1e-4 + 1e-5 * Double(pair)
      for angle in [asin(short), asin(short) + acos(threshold + 3e-6)] {
        values += base.map { Float(cos(angle) * $0 / length) }
        values += [Float(sin(angle))] + Array(repeating: 0, count: 8)
      }
    }
    let search = SimilaritySearch(Tensor(values, shape: [2000 + 2 * pairs, 40]), mean: nil)
    var found: Set<Int> = []
    search.forEachPair(above: Float(threshold), isBounded: true) { first, second, _ in
      if first >= 2000, second == first + 1, first.isMultiple(of: 2) { found.insert(first) }
    }
    #expect(found.count == pairs)
  }
}

import Foundation
import TestSupport
import Testing

@testable import Embeddings
@testable import Evaluation

@Suite struct BundledPicturesTests {
  /// `train/a/1.png` with "one" and `test/a/2.png` with "two", stored by Python's zipfile.
  private static let archive = Data(
    base64Encoded: """
      UEsDBBQAAAAAAAAAIQDxhmx6AwAAAAMAAAANAAAAdHJhaW4vYS8xLnBuZ29uZVBLAwQUAAAAAAAAACEAZorKEQMAAAAD\
      AAAADAAAAHRlc3QvYS8yLnBuZ3R3b1BLAQIUAxQAAAAAAAAAIQDxhmx6AwAAAAMAAAANAAAAAAAAAAAAAACkAQAAAAB0\
      cmFpbi9hLzEucG5nUEsBAhQDFAAAAAAAAAAhAGaKyhEDAAAAAwAAAAwAAAAAAAAAAAAAAKQBLgAAAHRlc3QvYS8yLnBu\
      Z1BLBQYAAAAAAgACAHUAAABbAAAAAAA=
      """)!
  private static let checksum = "50483c339bd71be4b298d7b468dd555a041e2651dd562b9973a5b69852d673ed"

  /// Puts an archive and its checksum beside the place of `images` in `home`; returns that place.
  private func place(_ archive: Data, checksum: String, in home: TemporaryPath) throws -> String {
    try FileManager.default.createDirectory(
      atPath: home.path, withIntermediateDirectories: true)
    let folder = "\(home.path)/images"
    try archive.write(to: URL(fileURLWithPath: "\(folder).zip"))
    try Data("\(checksum)  images.zip\n".utf8)
      .write(to: URL(fileURLWithPath: "\(folder).zip.sha256"))
    return folder
  }

  @Test func theArchiveIsUnpackedOnce() throws {
    let home = TemporaryPath("bundled")
    let folder = try place(Self.archive, checksum: Self.checksum, in: home)
    try BundledPictures.unpack(to: folder)
    let first = "\(folder)/train/a/1.png"
    #expect(try String(contentsOfFile: first, encoding: .utf8) == "one")
    #expect(try String(contentsOfFile: "\(folder)/test/a/2.png", encoding: .utf8) == "two")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: home.path).sorted()
        == ["images", "images.zip", "images.zip.sha256"])

    try Data("mine".utf8).write(to: URL(fileURLWithPath: first))
    try BundledPictures.unpack(to: folder)
    #expect(try String(contentsOfFile: first, encoding: .utf8) == "mine")
  }

  @Test func aFolderWithoutAnArchiveIsLeftToItsReader() throws {
    let home = TemporaryPath("bundled")
    try BundledPictures.unpack(to: home.path)
    #expect(!FileManager.default.fileExists(atPath: home.path))
  }

  @Test func damageIsNamedAndNothingIsUnpacked() throws {
    let home = TemporaryPath("bundled")
    var damaged = Self.archive
    damaged[45] ^= 1
    let folder = try place(damaged, checksum: Self.checksum, in: home)
    #expect {
      try BundledPictures.unpack(to: folder)
    } throws: { error in
      "\(error)".hasPrefix("\(folder).zip is damaged: its SHA-256 is ")
        && "\(error)".hasSuffix(
          ", expected \(Self.checksum); git checkout \(folder).zip restores it")
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: home.path).sorted()
        == ["images.zip", "images.zip.sha256"])
  }

  /// The archive that ships is the one that its checksum is of, with as many pictures as data/README.md says.
  @Test func theBundledArchiveHoldsWhatItShould() throws {
    let archive = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../data/demo/images.zip").standardized
    let bytes = try Data(contentsOf: archive)
    let members = try #require(bytes.withUnsafeBytes { StoredZip.members(of: $0) })
    #expect(members.count { $0.name.hasPrefix("train/") } == 2535)
    #expect(members.count { $0.name.hasPrefix("test/") } == 639)
  }
}

import Foundation
import TestSupport
import Testing

@testable import Evaluation
@testable import Pictures

/// Test pictures that are training pictures too.
@Suite struct SharedPicturesTests {
  private func shared(_ train: String, _ test: String) throws -> SharedPictures {
    let (train, test) = (try ImageFolder(train), try ImageFolder(test))
    return SharedPictures(
      SharedPictures.pairs(train: train, test: test), testCount: test.count)
  }

  @Test func otherPicturesShareNothing() throws {
    let (train, test) = (try ColouredShapes(9), try ColouredShapes(6, seed: 2))
    let shared = try shared(train.path, test.path)
    #expect(shared.count == 0 && shared.summary == nil && shared.testCount == 6)
  }

  @Test func oneFolderTwiceIsTheSame() throws {
    let pictures = try ColouredShapes(6)
    let shared = try shared(pictures.path, pictures.path)
    #expect(shared.count == 6 && shared.examples.count == 3)
    let first = "\(pictures.path)/discs/0.png"
    #expect(shared.examples[0] == .init(test: first, train: first))
    let summary = try #require(shared.summary)
    #expect(
      summary.hasPrefix("6 of 6 test pictures are in the training folder too (\(first), "))
    #expect(summary.hasSuffix(", …)"))
  }

  /// A copy under another name, a hard link and a symbolic link are found; a file of the same length
  /// and other bytes is not.
  @Test func copiesAndLinksAreFound() throws {
    let (train, test) = (try ColouredShapes(9), try ColouredShapes(3, seed: 2))
    let files = FileManager.default
    let original = "\(train.path)/squares/1.png"
    try files.copyItem(atPath: original, toPath: "\(test.path)/discs/copy.png")
    try files.linkItem(atPath: "\(train.path)/squares/4.png", toPath: "\(test.path)/discs/hard.png")
    try files.createSymbolicLink(
      atPath: "\(test.path)/discs/soft.png", withDestinationPath: "\(train.path)/squares/7.png")
    var changed = try Data(contentsOf: URL(fileURLWithPath: original))
    changed[changed.count - 1] ^= 1
    try changed.write(to: URL(fileURLWithPath: "\(test.path)/discs/other.png"))

    let shared = try shared(train.path, test.path)
    #expect(shared.count == 3 && shared.testCount == 7)
    #expect(
      shared.examples.map(\.test)
        == ["copy", "hard", "soft"].map { "\(test.path)/discs/\($0).png" })
    #expect(
      shared.examples.map(\.train)
        == ["1", "4", "7"].map { "\(train.path)/squares/\($0).png" })
  }
}

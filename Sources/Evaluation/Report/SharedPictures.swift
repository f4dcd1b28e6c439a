import Files
import Foundation
import Pictures

/// The test pictures that are in the training folder as well, byte for byte.
///
/// On them kNN is asked for what it was told, so that every accuracy is too high.
public struct SharedPictures: Codable, Equatable, Sendable {
  /// A test picture and a training picture of the same bytes.
  public struct Pair: Codable, Equatable, Sendable {
    public let test: String
    public let train: String
  }

  /// How many test pictures they are.
  public let count: Int
  /// How many test pictures there are in all.
  public let testCount: Int
  /// The first of them.
  public let examples: [Pair]

  static let mostExamples = 3

  public init(count: Int, testCount: Int, examples: [Pair]) {
    self.count = count
    self.testCount = testCount
    self.examples = examples
  }

  init(_ pairs: [Pair], testCount: Int) {
    self.init(
      count: pairs.count, testCount: testCount, examples: Array(pairs.prefix(Self.mostExamples)))
  }

  /// Compares two folders: for each test picture that the training folder has, the first training picture that
  /// is the same file or holds the same bytes.
  static func pairs(train: ImageFolder, test: ImageFolder) -> [Pair] {
    let files = EqualFiles(
      fileSystemPaths: [train, test].flatMap { folder in
        (0..<folder.count).map { index in
          if case .file(let path) = folder.entry(of: index).content { path } else { nil }
        }
      })
    return (0..<test.count).compactMap { index in
      let first = files.firstOfBytes[train.count + index]
      return first < train.count
        ? Pair(test: test.path(of: index), train: train.path(of: first)) : nil
    }
  }

  /// How many there are, and names of a few; nil where there are none.
  public var summary: String? {
    guard count > 0 else { return nil }
    let names = examples.map {
      $0.test == $0.train ? $0.test : "\($0.test) as \($0.train)"
    }
    return "\(count) of \(testCount) test pictures \(count == 1 ? "is" : "are") in the training "
      + "folder too (\(names.joined(separator: ", "))\(count > examples.count ? ", …" : ""))"
  }
}

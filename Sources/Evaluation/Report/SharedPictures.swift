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

  /// Compares two folders. A file's bytes are read where the other folder has one of its length, and
  /// it is not the same file.
  init(train: ImageFolder, test: ImageFolder) {
    let trainFiles = (0..<train.count).compactMap { FileFacts($0, in: train) }
    let testFiles = (0..<test.count).compactMap { FileFacts($0, in: test) }
    let identities = Dictionary(
      trainFiles.map { ($0.identity, $0.index) }, uniquingKeysWith: { first, _ in first })
    let others = testFiles.filter { identities[$0.identity] == nil }
    let lengths = Set(others.map(\.length))
    var contents: [UInt64: [Int]] = [:]
    for file in trainFiles where lengths.contains(file.length) {
      guard let digest = Self.bytes(file.index, in: train).map(Self.digest) else { continue }
      contents[digest, default: []].append(file.index)
    }
    let trainLengths = Set(trainFiles.map(\.length))

    var pairs: [(test: Int, train: Int)] = []
    for file in testFiles {
      if let same = identities[file.identity] {
        pairs.append((file.index, same))
      } else if trainLengths.contains(file.length), let bytes = Self.bytes(file.index, in: test),
        let equal = contents[Self.digest(bytes)]?.first(where: {
          Self.bytes($0, in: train) == bytes
        })
      {
        pairs.append((file.index, equal))
      }
    }
    self.init(
      count: pairs.count, testCount: test.count,
      examples: pairs.prefix(Self.mostExamples).map {
        Pair(test: test.path(of: $0.test), train: train.path(of: $0.train))
      })
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

  /// What a file is, without its bytes.
  private struct FileFacts {
    let index: Int
    let identity: FileIdentity
    let length: Int

    init?(_ index: Int, in folder: ImageFolder) {
      guard case .file(let path) = folder.entry(of: index).content else { return nil }
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      self.index = index
      identity = FileIdentity(status)
      length = Int(status.st_size)
    }
  }

  /// The bytes of a file; nil where it cannot be read: decoding names it.
  private static func bytes(_ index: Int, in folder: ImageFolder) -> Data? {
    guard case .file(let path) = folder.entry(of: index).content else { return nil }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    return try? FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readToEnd()
  }

  private static func digest(_ bytes: Data) -> UInt64 {
    var hasher = Hasher()
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    return UInt64(truncatingIfNeeded: hasher.finalize())
  }
}

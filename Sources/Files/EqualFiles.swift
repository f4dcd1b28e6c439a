import Foundation

/// Which of many paths lead to one file, and which files hold the same bytes.
///
/// A file is read whole only where another has its length and its last bytes; what is equal then is told
/// by SHA-256.
package struct EqualFiles: Sendable {
  /// What the system says of a file.
  package struct Facts: Sendable {
    package let identity: FileIdentity
    package let byteCount: Int
    /// How many names the file has, hard links all.
    package let linkCount: Int
    /// When its contents were changed last, in seconds.
    package let modificationTime: Double
  }

  /// For each path what is known of its file; nil where there is none.
  package let facts: [Facts?]
  /// For each path the first that leads to the same file: itself, where no earlier one does.
  package let firstOfFile: [Int]
  /// For each path the first whose file holds the same bytes.
  package let firstOfBytes: [Int]

  /// Bytes at a file's end that are compared before the whole.
  private static let tailLength = 1024

  /// - Parameter paths: as the file system spells them, ended by zero; nil for what is no file of its own, and
  ///   equal to nothing.
  package init(fileSystemPaths paths: [[CChar]?]) {
    let facts = paths.map { $0.flatMap(Self.facts) }
    var firstOfFile = Array(paths.indices)
    var known: [FileIdentity: Int] = [:]
    for (index, facts) in facts.enumerated() {
      guard let facts else { continue }
      if let first = known[facts.identity] {
        firstOfFile[index] = first
      } else {
        known[facts.identity] = index
      }
    }
    var firstOfBytes = firstOfFile
    let files = paths.indices.filter { facts[$0] != nil && firstOfFile[$0] == $0 }
    for equalLengths in Self.several(of: files, by: { facts[$0]!.byteCount }) {
      for equalTails in Self.several(of: equalLengths, by: { Self.tail(of: paths[$0]!) }) {
        for equal in Self.several(of: equalTails, by: { Self.digest(of: paths[$0]!) }) {
          for index in equal { firstOfBytes[index] = equal[0] }
        }
      }
    }
    for index in paths.indices where firstOfFile[index] != index {
      firstOfBytes[index] = firstOfBytes[firstOfFile[index]]
    }
    self.facts = facts
    self.firstOfFile = firstOfFile
    self.firstOfBytes = firstOfBytes
  }

  /// Those of `items` that share a key with another, in their order; one without a key shares none.
  private static func several<Key: Hashable>(
    of items: [Int], by key: (Int) -> Key?
  ) -> some Collection<[Int]> {
    var groups: [Key: [Int]] = [:]
    for item in items { if let key = key(item) { groups[key, default: []].append(item) } }
    return groups.values.lazy.filter { $0.count > 1 }
  }

  private static func facts(of path: [CChar]) -> Facts? {
    var status = stat()
    guard path.withUnsafeBufferPointer({ stat($0.baseAddress!, &status) }) == 0,
      status.st_mode & S_IFMT == S_IFREG
    else { return nil }
    return Facts(
      identity: FileIdentity(status), byteCount: Int(status.st_size),
      linkCount: Int(status.st_nlink), modificationTime: FileIdentity.modificationTime(status))
  }

  /// The file opened to be read, or nil: who decodes it says why it cannot be.
  private static func opened<Result>(
    _ path: [CChar], _ body: (Int32) -> Result?
  ) -> Result? {
    let descriptor = path.withUnsafeBufferPointer {
      open($0.baseAddress!, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return body(descriptor)
  }

  private static func tail(of path: [CChar]) -> Fingerprint? {
    opened(path) { descriptor in
      let end = lseek(descriptor, 0, SEEK_END)
      var bytes = [UInt8](repeating: 0, count: tailLength)
      let count = pread(descriptor, &bytes, tailLength, max(0, end - off_t(tailLength)))
      guard end >= 0, count >= 0 else { return nil }
      var fingerprint = Fingerprint()
      fingerprint.add(bytes[..<count])
      return fingerprint
    }
  }

  private static func digest(of path: [CChar]) -> String? {
    opened(path) { descriptor in
      try? SHA256.hexadecimal(of: descriptor, path: "")
    }
  }
}

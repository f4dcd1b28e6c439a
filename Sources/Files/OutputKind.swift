import Foundation

/// A kind of file that this program writes, and how it tells its own from others before it replaces one. Each
/// room names the kinds that it writes.
public struct OutputKind: Sendable {
  /// The ending that a path must have; nil for any.
  let ending: String?
  /// Whether a folder of pictures that holds such a file would read it as one of them.
  let isPicture: Bool
  private let isMadeByUs: @Sendable (FileEnds) -> Bool

  package init(
    ending: String? = nil, isPicture: Bool = false,
    _ isMadeByUs: @escaping @Sendable (FileEnds) -> Bool
  ) {
    self.ending = ending
    self.isPicture = isPicture
    self.isMadeByUs = isMadeByUs
  }

  /// A kind whose files hold each of `texts` near their beginning or their end.
  package init(ending: String? = nil, isPicture: Bool = false, holding texts: String...) {
    self.init(ending: ending, isPicture: isPicture) { ends in texts.allSatisfy(ends.hold) }
  }

  /// Whether there is a file at `path` that this program wrote as one of this kind, or an empty one.
  package func isMade(_ path: String) -> Bool {
    guard let ends = FileEnds(of: path) else { return false }
    return ends.head.isEmpty || isMadeByUs(ends)
  }

  /// What pictures, pages and videos hold as their maker.
  package static let mark = "swift-jepa"

  /// A PNG file.
  public static let picture = OutputKind(ending: "png", isPicture: true, holding: mark)
  /// A page for the browser.
  public static let page = OutputKind(holding: mark)
}

/// The first and the last 64 KiB of a file.
package struct FileEnds: Sendable {
  package let path: String
  let head: Data
  let tail: Data

  /// Nil where the file cannot be read.
  init?(of path: String) {
    self.path = path
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    let length = 1 << 16
    guard let head = try? file.read(upToCount: length) ?? Data(), let end = try? file.seekToEnd()
    else { return nil }
    self.head = head
    guard end > UInt64(length) else {
      tail = Data()
      return
    }
    guard (try? file.seek(toOffset: end - UInt64(length))) != nil else { return nil }
    tail = (try? file.read(upToCount: length)) ?? Data()
  }

  package func hold(_ text: String) -> Bool {
    head.range(of: Data(text.utf8)) != nil || tail.range(of: Data(text.utf8)) != nil
  }

  package func begin(with text: String) -> Bool { head.starts(with: Data(text.utf8)) }
}

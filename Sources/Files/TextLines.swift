import Foundation

/// The lines of a file or of the standard input that hold something, read as they are needed.
///
/// Lists of paths may end each with NUL instead, as `find -print0` does: a name can hold a line's end.
package final class TextLines: IteratorProtocol {
  /// How many there are; nil for a pipe.
  package private(set) var count: Int?
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var place = 0
  private var end = UInt8(ascii: "\n")

  /// Opens a list of paths, which NUL ends where there is one at its beginning.
  ///
  /// - Throws: `FileError.failed`, `.listNotUTF8`.
  package convenience init(paths list: String) throws(FileError) {
    try self.init(path: list)
    // A pipe may give its bytes one by one.
    while buffer.count < 2 || !(buffer.contains(end) || buffer.contains(0)) {
      let more = Self.read(descriptor)
      guard !more.isEmpty else { break }
      buffer += more
    }
    let start = PathListStart(buffer)
    guard start.encoding == nil else {
      throw .listNotUTF8(path: list, found: start.encoding!)
    }
    end = start.end
    place = start.markLength
    guard count != nil else { return }
    lseek(descriptor, off_t(start.markLength), SEEK_SET)
    count = Self.count(descriptor, end: end)
    lseek(descriptor, off_t(buffer.count), SEEK_SET)
  }

  /// - Throws: `FileError.failed`.
  package init(path: String) throws(FileError) {
    descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .failure(errno, operation: "read", path)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
      close(descriptor)
      throw .failure(EISDIR, operation: "read", path)
    }
    guard path != "-", status.st_mode & S_IFMT == S_IFREG else {
      count = nil
      return
    }
    count = Self.count(descriptor, end: end)
    lseek(descriptor, 0, SEEK_SET)
  }

  deinit { close(descriptor) }

  /// The bytes of the next line, without its end; empty lines are passed over.
  package func next() -> [UInt8]? {
    var line: [UInt8] = []
    while true {
      if place == buffer.count, !fill() {
        if end != 0, line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line.isEmpty ? nil : line
      }
      let rest = buffer[place...]
      let stop = rest.firstIndex(of: end) ?? buffer.count
      line += rest[..<stop]
      place = min(stop + 1, buffer.count)
      guard stop < buffer.count else { continue }
      if end != 0, line.last == UInt8(ascii: "\r") { line.removeLast() }
      if !line.isEmpty { return line }
    }
  }

  /// False at the end, and where nothing more can be read.
  private func fill() -> Bool {
    buffer = Self.read(descriptor)
    place = 0
    return !buffer.isEmpty
  }

  private static func read(_ descriptor: Int32) -> [UInt8] {
    Array(unsafeUninitializedCapacity: 1 << 16) { memory, count in
      var found = -1
      repeat {
        found = Foundation.read(descriptor, memory.baseAddress, 1 << 16)
      } while found < 0
        && errno == EINTR
      count = max(found, 0)
    }
  }

  private static func count(_ descriptor: Int32, end: UInt8) -> Int {
    var (count, length) = (0, 0)
    while true {
      let piece = read(descriptor)
      guard !piece.isEmpty else { return count + min(length, 1) }
      for byte in piece {
        if byte == end {
          count += min(length, 1)
          length = 0
        } else if end == 0 || byte != UInt8(ascii: "\r") {
          length += 1
        }
      }
    }
  }
}

/// What the first bytes of a list of paths say of how it is written.
private struct PathListStart {
  /// What ends a path: a line's end, or NUL.
  let end: UInt8
  /// The bytes of a mark of UTF-8, which are no part of the first path.
  let markLength: Int
  /// Another encoding than UTF-8, whose bytes are no paths.
  let encoding: String?

  init(_ bytes: [UInt8]) {
    let isMarked16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
    encoding = isMarked16 || Self.looksLikeUTF16(bytes) ? "UTF-16" : nil
    markLength = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    end = bytes.contains(0) ? 0 : UInt8(ascii: "\n")
  }

  /// Every other byte of Latin text in UTF-16 is zero. So it would be in a list of names of one letter,
  /// but these would hold neither a dot nor a slash.
  private static func looksLikeUTF16(_ bytes: [UInt8]) -> Bool {
    let head = bytes.prefix(64)
    guard head.count >= 8 else { return false }
    return [0, 1].contains { parity in
      let (zeros, letters) = (
        head.indices.filter { $0 % 2 == parity }, head.indices.filter { $0 % 2 != parity }
      )
      return zeros.allSatisfy { head[$0] == 0 } && letters.allSatisfy { head[$0] != 0 }
        && letters.contains { head[$0] == UInt8(ascii: ".") || head[$0] == UInt8(ascii: "/") }
    }
  }
}

import Foundation

/// The lines of a file or of the standard input that hold something, read as they are needed.
final class TextLines: IteratorProtocol {
  /// How many there are; nil for a pipe.
  let count: Int?
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var place = 0

  /// - Throws: `EvaluationError.system`.
  init(path: String) throws(EvaluationError) {
    descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .system(path: path, operation: "read", errorNumber: errno)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
      close(descriptor)
      throw .system(path: path, operation: "read", errorNumber: EISDIR)
    }
    guard path != "-", status.st_mode & S_IFMT == S_IFREG else {
      count = nil
      return
    }
    count = Self.count(descriptor)
    lseek(descriptor, 0, SEEK_SET)
  }

  deinit { close(descriptor) }

  /// The bytes of the next line, without its end; empty lines are passed over.
  func next() -> [UInt8]? {
    var line: [UInt8] = []
    while true {
      if place == buffer.count, !fill() {
        return line.isEmpty ? nil : line
      }
      let rest = buffer[place...]
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? buffer.count
      line += rest[..<end]
      place = min(end + 1, buffer.count)
      guard end < buffer.count else { continue }
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
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

  private static func count(_ descriptor: Int32) -> Int {
    var (count, length) = (0, 0)
    while true {
      let piece = read(descriptor)
      guard !piece.isEmpty else { return count + min(length, 1) }
      for byte in piece {
        if byte == UInt8(ascii: "\n") {
          count += min(length, 1)
          length = 0
        } else if byte != UInt8(ascii: "\r") {
          length += 1
        }
      }
    }
  }
}

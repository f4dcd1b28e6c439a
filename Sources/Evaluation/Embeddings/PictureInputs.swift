import Foundation
import VisionJEPA

/// What is to be embedded: folders, pictures and lists of paths, as one sequence that is gone through once.
///
/// A folder's names are held, and nothing else: pictures and lists are read as they are needed.
public struct PictureInputs: Sequence {
  private enum Part {
    case folder(ImageFolder)
    case picture(String)
    case list(TextLines)
  }

  private var parts: [Part] = []
  /// How many pictures there are; nil where a list comes from a pipe.
  public private(set) var count: Int? = 0
  /// Files of folders that are no pictures, or cannot be read.
  public private(set) var skipped: [ImageFolder.Skipped] = []

  /// Looks at what is there.
  ///
  /// - Parameters:
  ///   - inputs: paths of folders and pictures.
  ///   - lists: paths of files with a path in each line; `-` is the standard input.
  /// - Throws: `ImageError` for an input that is not there, or a folder without pictures;
  ///   `EvaluationError.system` for a list that cannot be read.
  public init(_ inputs: [String], lists: [String] = []) throws {
    for input in inputs {
      var status = stat()
      guard stat(input, &status) == 0 else {
        throw ImageError.unreadableFile(path: input, reason: String(cString: strerror(errno)))
      }
      if status.st_mode & S_IFMT == S_IFDIR {
        let folder = try ImageFolder(input)
        skipped += folder.skipped
        add(.folder(folder), count: folder.count)
      } else {
        add(.picture(input), count: 1)
      }
    }
    for list in lists {
      let lines = try TextLines(path: list)
      add(.list(lines), count: lines.count)
    }
  }

  private mutating func add(_ part: Part, count more: Int?) {
    parts.append(part)
    count = count.flatMap { count in more.map { count + $0 } }
  }

  public func makeIterator() -> AnyIterator<ImageEntry> {
    var rest = parts.makeIterator()
    var current: () -> ImageEntry? = { nil }
    return AnyIterator<ImageEntry> { () -> ImageEntry? in
      while true {
        if let entry = current() { return entry }
        guard let part = rest.next() else { return nil }
        switch part {
        case .folder(let folder):
          var indices = (0..<folder.count).makeIterator()
          current = { indices.next().map(folder.entry(of:)) }
        case .picture(let path):
          var once: ImageEntry? = ImageEntry(file: path)
          current = { once.take() }
        case .list(let lines):
          current = { lines.next().map(ImageEntry.init(fileSystemPath:)) }
        }
      }
    }
  }
}

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

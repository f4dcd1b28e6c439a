import Foundation

/// Memory that grows to the largest request and is used again for the next one.
package struct ReusedBuffer<Element: BitwiseCopyable>: ~Copyable {
  private var storage: UnsafeMutableBufferPointer<Element>

  package init() { storage = UnsafeMutableBufferPointer(start: nil, count: 0) }

  deinit { storage.deallocate() }

  /// At least `count` elements, whose contents are whatever was left there.
  package mutating func reserve(_ count: Int) -> UnsafeMutablePointer<Element> {
    if storage.count < max(count, 1) {
      storage.deallocate()
      storage = .allocate(capacity: max(count, 1))
    }
    return storage.baseAddress!
  }

  /// Gives the memory back when one unusually large picture made it grow beyond `limit` elements.
  package mutating func shrink(to limit: Int) {
    guard storage.count > limit else { return }
    storage.deallocate()
    storage = UnsafeMutableBufferPointer(start: nil, count: 0)
  }
}

/// Reading whole files into reused memory, with the file system's own names.
package enum ImageFile {
  /// Larger files are refused unread: no picture within the pixel budget needs so many bytes.
  static let byteBudget = 1 << 30

  /// Reads the file at `path` (bytes of the file system, ended by zero) into `buffer`.
  ///
  /// - Throws: `ImageError.unreadableFile`, `.emptyFile`, `.fileTooLarge`, each with `name`.
  package static func read(
    _ path: UnsafePointer<CChar>, name: @autoclosure () -> String,
    into buffer: inout ReusedBuffer<UInt8>
  ) throws(ImageError) -> UnsafeBufferPointer<UInt8> {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .unreadableFile(path: name(), reason: reasonNotOpened(path))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadableFile(path: name(), reason: lastSystemError())
    }
    if let special = special(status.st_mode) {
      throw .unreadableFile(path: name(), reason: special)
    }
    let size = Int(status.st_size)
    guard size > 0 else { throw .emptyFile(path: name()) }
    guard size <= byteBudget else {
      throw .fileTooLarge(path: name(), bytes: size, byteBudget: byteBudget)
    }
    let bytes = buffer.reserve(size)
    var length = 0
    while length < size {
      let count = Foundation.read(descriptor, bytes + length, size - length)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .unreadableFile(path: name(), reason: lastSystemError()) }
      if count == 0 { break }
      length += count
    }
    guard length > 0 else { throw .emptyFile(path: name()) }
    return UnsafeBufferPointer(start: bytes, count: length)
  }

  /// Why `open` failed, by `errno`, and what may be behind that.
  private static func reasonNotOpened(_ path: UnsafePointer<CChar>) -> String {
    switch errno {
    case ENXIO: "it is a socket"
    case ENOENT where String(validatingCString: path) == nil:
      "No such file or directory; the path is not UTF-8: is it written in another encoding?"
    default: lastSystemError()
    }
  }

  /// The text of `errno`, such as "No such file or directory".
  package static func lastSystemError() -> String { String(cString: strerror(errno)) }

  /// What stands in a regular file's place, such as "it is a socket"; nil for a regular file.
  package static func special(_ mode: mode_t) -> String? {
    switch mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "it is a folder"
    case S_IFIFO: "it is a pipe"
    case S_IFSOCK: "it is a socket"
    case S_IFCHR, S_IFBLK: "it is a device"
    default: "it is not a regular file"
    }
  }
}

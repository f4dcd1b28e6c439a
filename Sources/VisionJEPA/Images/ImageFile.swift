import CImage
import Foundation

/// Memory that grows to the largest request and is used again for the next one.
struct ReusedBuffer<Element: BitwiseCopyable>: ~Copyable {
  private var storage: UnsafeMutableBufferPointer<Element>

  init() { storage = UnsafeMutableBufferPointer(start: nil, count: 0) }

  deinit { storage.deallocate() }

  /// At least `count` elements, whose contents are whatever was left there.
  mutating func reserve(_ count: Int) -> UnsafeMutablePointer<Element> {
    if storage.count < max(count, 1) {
      storage.deallocate()
      storage = .allocate(capacity: max(count, 1))
    }
    return storage.baseAddress!
  }

  /// Gives the memory back when one unusually large picture made it grow beyond `limit` elements.
  mutating func shrink(to limit: Int) {
    guard storage.count > limit else { return }
    storage.deallocate()
    storage = UnsafeMutableBufferPointer(start: nil, count: 0)
  }
}

/// Reading whole files into reused memory, with the file system's own names.
enum ImageFile {
  /// Larger files are refused unread: no picture within the pixel budget needs so many bytes.
  static let byteBudget = 1 << 30

  /// Reads the file at `path` (bytes of the file system, ended by zero) into `buffer`.
  ///
  /// - Throws: `ImageError.unreadableFile`, `.emptyFile`, `.fileTooLarge`, each with `name`.
  static func read(
    _ path: UnsafePointer<CChar>, name: @autoclosure () -> String,
    into buffer: inout ReusedBuffer<UInt8>
  ) throws(ImageError) -> UnsafeBufferPointer<UInt8> {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .unreadableFile(path: name(), reason: lastSystemError())
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadableFile(path: name(), reason: lastSystemError())
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadableFile(path: name(), reason: "it is not a regular file")
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

  /// The text of `errno`, such as "No such file or directory".
  static func lastSystemError() -> String { String(cString: strerror(errno)) }

  /// What the first bytes of a file that is neither PNG nor JPEG look like.
  static func kind(of bytes: UnsafeBufferPointer<UInt8>) -> String {
    func starts(_ text: StaticString, at offset: Int = 0) -> Bool {
      bytes.count >= offset + text.utf8CodeUnitCount
        && memcmp(bytes.baseAddress! + offset, text.utf8Start, text.utf8CodeUnitCount) == 0
    }
    if starts("GIF8") { return "a GIF" }
    if starts("RIFF") && starts("WEBP", at: 8) { return "a WebP" }
    if starts("BM") { return "a BMP" }
    if starts("II*\0") || starts("MM\0*") { return "a TIFF" }
    if starts("ftypavif", at: 4) { return "an AVIF" }
    if starts("ftyphei", at: 4) || starts("ftypmif1", at: 4) { return "a HEIF" }
    if starts("\0\0\0\u{0C}jP  ") { return "a JPEG 2000" }
    if starts("%PDF") { return "a PDF" }
    if starts("<svg") || starts("<?xml") { return "SVG or XML text" }
    let shown = bytes.prefix(8).map { String(format: "%02x", $0) }.joined(separator: " ")
    return "a file that starts with \(shown)"
  }
}

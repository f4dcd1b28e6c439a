import Files
import Foundation

/// One file of an unfinished export, written from its beginning to its end.
final class ExportPart {
  /// Its name within the export's folder.
  let name: String
  let path: String
  /// The bytes written so far.
  private(set) var byteCount: Int
  private let descriptor: Int32

  /// Opens the part and keeps its first `byteCount` bytes.
  ///
  /// - Throws: `FileError.failed`; `.damagedExport` where it has fewer.
  init(_ name: String, in folder: String, keeping byteCount: Int) throws {
    self.name = name
    path = "\(folder)/\(name)"
    self.byteCount = byteCount
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failed("create") }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failed("examine") }
    guard Int(status.st_size) >= byteCount else {
      throw EmbeddingError.damagedExport(
        path: path, expectedBytes: byteCount, foundBytes: Int(status.st_size), folder: folder)
    }
    // What was written after the last save is written again.
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failed("cut") }
    guard lseek(descriptor, off_t(byteCount), SEEK_SET) >= 0 else { throw failed("examine") }
  }

  deinit { close(descriptor) }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    try DurableFile.append(bytes, to: descriptor, path)
    byteCount += bytes.count
  }

  func append(_ text: String) throws { try append(Array(text.utf8)) }

  func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }

  /// Replaces bytes that were written before.
  func overwrite(at start: Int, with bytes: [UInt8]) throws {
    var offset = 0
    while offset < bytes.count {
      let written = bytes[offset...].withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress, $0.count, off_t(start + offset))
      }
      if written < 0, errno == EINTR { continue }
      guard written >= 0 else { throw failed("write") }
      offset += written
    }
  }

  /// Hands the part's bytes from `start` on to `sink`, a piece at a time.
  func read(
    from start: Int = 0, _ sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { piece.deallocate() }
    var offset = start
    while offset < byteCount {
      let count = pread(descriptor, piece.baseAddress, piece.count, off_t(offset))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failed("read") }
      try sink(UnsafeRawBufferPointer(rebasing: piece[..<min(count, byteCount - offset)]))
      offset += count
    }
  }

  /// Waits until the disk has all of it.
  func synchronize() throws { try DurableFile.synchronize(descriptor, path) }

  private func failed(_ operation: String) -> FileError {
    .failure(errno, operation: operation, path)
  }
}

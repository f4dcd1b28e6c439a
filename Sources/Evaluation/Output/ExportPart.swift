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
  /// - Throws: `EvaluationError.system`; `.damagedExport` where it has fewer.
  init(_ name: String, in folder: String, keeping byteCount: Int) throws(EvaluationError) {
    self.name = name
    path = "\(folder)/\(name)"
    self.byteCount = byteCount
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failed("create") }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failed("examine") }
    guard Int(status.st_size) >= byteCount else {
      throw .damagedExport(
        path: path, expectedBytes: byteCount, foundBytes: Int(status.st_size), folder: folder)
    }
    // What was written after the last save is written again.
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failed("cut") }
    guard lseek(descriptor, off_t(byteCount), SEEK_SET) >= 0 else { throw failed("examine") }
  }

  deinit { close(descriptor) }

  /// Writes a file that appears whole or not at all.
  static func writeWhole(_ bytes: [UInt8], to path: String) throws(EvaluationError) {
    let folder = PathParts(path).folder
    let name = PathParts(path).name + ".\(getpid()).tmp"
    do throws(EvaluationError) {
      let part = try ExportPart(name, in: folder.isEmpty ? "." : folder, keeping: 0)
      try part.append(bytes)
      try part.synchronize()
      guard rename(part.path, path) == 0 else { throw part.failed("rename") }
    } catch {
      let temporary = "\(path).\(getpid()).tmp"
      unlink(temporary)
      guard case .system(_, let operation, let number) = error else { throw error }
      throw .system(path: path, operation: operation, errorNumber: number)
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(EvaluationError) {
    try put(bytes) { write(self.descriptor, $0.baseAddress, $0.count) }
    byteCount += bytes.count
  }

  func append(_ text: String) throws(EvaluationError) { try append(Array(text.utf8)) }

  func append(_ bytes: [UInt8]) throws(EvaluationError) {
    try bytes.withUnsafeBufferPointer { bytes throws(EvaluationError) in
      try append(UnsafeRawBufferPointer(bytes))
    }
  }

  /// Replaces bytes that were written before.
  func overwrite(at start: Int, with bytes: [UInt8]) throws(EvaluationError) {
    var offset = start
    try bytes.withUnsafeBufferPointer { bytes throws(EvaluationError) in
      try put(UnsafeRawBufferPointer(bytes)) { piece in
        let written = pwrite(self.descriptor, piece.baseAddress, piece.count, off_t(offset))
        offset += max(written, 0)
        return written
      }
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
  func synchronize() throws(EvaluationError) {
    guard fsync(descriptor) == 0 else { throw failed("synchronize") }
  }

  private func put(
    _ bytes: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) -> Int
  ) throws(EvaluationError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Systems refuse or cut single writes of 2 GB and more.
      let written = write(UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30)))
      if written < 0 {
        if errno == EINTR { continue }
        throw failed("write")
      }
      rest = rest.dropFirst(written)
    }
  }

  private func failed(_ operation: String) -> EvaluationError {
    .system(path: path, operation: operation, errorNumber: errno)
  }
}

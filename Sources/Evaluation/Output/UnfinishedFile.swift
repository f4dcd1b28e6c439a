import Files
import Foundation

/// A file under a temporary name that gets its own one only when it is complete and on the disk.
///
/// One that is never published is removed when it is let go of.
final class UnfinishedFile {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var isOpen = true

  init(for path: String) throws(EvaluationError) {
    self.path = path
    temporaryPath = "\(path).\(String(UInt64.random(in: 0...(.max)), radix: 36)).tmp"
    // A rename would put a file in the place of a device or a pipe.
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      descriptor = -1
      isOpen = false
      throw .notARegularFile(path: path)
    }
    // 0o666 leaves the permissions to the user's umask, as for any other file.
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      isOpen = false
      throw failed("create")
    }
  }

  deinit {
    guard isOpen else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(EvaluationError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Systems refuse or cut single writes of 2 GB and more.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      let written = write(descriptor, piece.baseAddress, piece.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw failed("write")
      }
      rest = rest.dropFirst(written)
    }
  }

  /// Puts the bytes on the disk, then gives the file its name, in place of one that had it.
  func publish() throws(EvaluationError) {
    guard fsync(descriptor) == 0 else { throw failed("synchronize") }
    guard rename(temporaryPath, path) == 0 else { throw failed("rename") }
    close(descriptor)
    isOpen = false
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY)
    guard folder >= 0 else { return }
    // Some file systems cannot synchronize a folder; the file itself is safe by now.
    fsync(folder)
    close(folder)
  }

  private func failed(_ operation: String) -> EvaluationError {
    .system(path: path, operation: operation, errorNumber: errno)
  }
}

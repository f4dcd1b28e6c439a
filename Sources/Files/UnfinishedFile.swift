import Foundation

/// A file under a temporary name that gets its own one only when it is complete and on the disk.
///
/// One that is never published is removed when it is let go of.
package final class UnfinishedFile {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var isOpen: Bool

  /// - Throws: `FileError.notARegularFile`, `.diskFull`, `.failed`.
  package init(for path: String) throws {
    // A rename would put a file in the place of a device or a pipe.
    if let there = FileIdentity(path: path), there.type != S_IFREG {
      throw FileError.notARegularFile(path: path)
    }
    self.path = path
    temporaryPath = "\(path).\(String(UInt64.random(in: 0...(.max)), radix: 36)).tmp"
    // 0o666 leaves the permissions to the user's umask, as for any other file.
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    isOpen = descriptor >= 0
    guard isOpen else { throw FileError.failure(errno, operation: "create", path) }
  }

  deinit {
    guard isOpen else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Writes a file that appears when `body` is done, and not at all where it throws.
  package static func make(at path: String, _ body: (UnfinishedFile) throws -> Void) throws {
    let file = try UnfinishedFile(for: path)
    try body(file)
    try file.publish()
  }

  /// - Throws: `FileError.diskFull`, `.failed`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    try DurableFile.append(bytes, to: descriptor, path)
  }

  /// - Throws: `FileError.diskFull`, `.failed`.
  package func append(_ text: String) throws {
    var text = text
    try text.withUTF8 { try append(UnsafeRawBufferPointer($0)) }
  }

  /// Puts the bytes on the disk, then gives the file its name, in place of one that had it.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  package func publish() throws {
    try DurableFile.synchronize(descriptor, path)
    guard rename(temporaryPath, path) == 0 else {
      throw FileError.failure(errno, operation: "rename a file to", path)
    }
    close(descriptor)
    isOpen = false
    // Some file systems cannot synchronize a folder; the file itself is safe by now.
    try? DurableFile.synchronizeFile(PathParts(path).folder)
  }
}

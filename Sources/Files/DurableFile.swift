import Foundation

/// Files that are on the disk, and whole, when a call returns.
public enum DurableFile {
  /// What is being written is called by its name and this.
  package static let writingSuffix = ".writing"

  /// The bytes of the file at `path`.
  ///
  /// - Throws: `FileError.failed`.
  public static func read(_ path: String) throws -> Data {
    let descriptor = try open(path, O_RDONLY, operation: "read")
    defer { close(descriptor) }
    var contents = Data()
    try readChunks(of: descriptor, path) { contents.append(contentsOf: $0) }
    return contents
  }

  /// The bytes of the file at `path`; nil where there are more than `limit`, as in a device without end.
  ///
  /// - Throws: `FileError.failed`.
  package static func read(_ path: String, atMost limit: Int) throws -> Data? {
    let descriptor = try open(path, O_RDONLY, operation: "read")
    defer { close(descriptor) }
    var contents = [UInt8](repeating: 0, count: limit + 1)
    var filled = 0
    while filled < contents.count {
      let count = contents.withUnsafeMutableBytes {
        Foundation.read(descriptor, $0.baseAddress! + filled, $0.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.failure(errno, operation: "read", path) }
      guard count > 0 else { return Data(contents[..<filled]) }
      filled += count
    }
    return nil
  }

  /// The number of bytes of the file at `path`, and their CRC-32C.
  ///
  /// - Throws: `FileError.failed`.
  package static func checksum(of path: String) throws -> (bytes: Int, crc32c: UInt32) {
    let descriptor = try open(path, O_RDONLY, operation: "read")
    defer { close(descriptor) }
    var bytes = 0
    var crc = CRC32C()
    try readChunks(of: descriptor, path) { chunk in
      bytes += chunk.count
      crc.add(chunk)
    }
    return (bytes, crc.value)
  }

  /// Makes a file at `path` that holds `contents`, and waits until the disk has it.
  ///
  /// - Parameter name: the path that errors name, where it is another.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  static func write(
    _ contents: some Sequence<UInt8>, to path: String, calledFor name: String? = nil
  ) throws {
    let name = name ?? path
    let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.failure(errno, operation: "write", name) }
    defer { close(descriptor) }
    try append(contents, to: descriptor, name)
    try synchronize(descriptor, name)
  }

  /// Puts `contents` at `path` in place of what is there: a reader, or a crash, sees the old file or
  /// the new one, and nothing between.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  public static func replace(_ path: String, with contents: some Sequence<UInt8>) throws {
    let temporary = "\(path).\(getpid())\(writingSuffix)"
    do {
      // The temporary name would tell the user nothing.
      try write(contents, to: temporary, calledFor: path)
      try rename(temporary, to: path)
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronizeFile(PathParts(path).folder)
  }

  /// Writes all of `contents` to an open file.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  package static func append(
    _ contents: some Sequence<UInt8>, to descriptor: Int32, _ path: String
  ) throws {
    try Array(contents).withUnsafeBytes { try append($0, to: descriptor, path) }
  }

  /// Writes all of `bytes` to an open file.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  package static func append(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
  ) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Systems refuse or cut single writes of 2 GB and more.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      let written = Foundation.write(descriptor, piece.baseAddress, piece.count)
      if written < 0, errno == EINTR { continue }
      guard written >= 0 else { throw FileError.failure(errno, operation: "write", path) }
      rest = rest.dropFirst(written)
    }
  }

  /// Waits until the disk holds the file or folder at `path`.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  package static func synchronizeFile(_ path: String) throws {
    let descriptor = try open(path.isEmpty ? "." : path, O_RDONLY, operation: "synchronize")
    defer { close(descriptor) }
    try synchronize(descriptor, path)
  }

  /// Waits until the disk holds an open file.
  package static func synchronize(_ descriptor: Int32, _ path: String) throws {
    while fsync(descriptor) != 0 {
      // Character devices and some network file systems cannot be synchronized.
      if errno == EINVAL || errno == ENOTSUP { return }
      guard errno == EINTR else { throw FileError.failure(errno, operation: "synchronize", path) }
    }
  }

  /// Gives the file or folder at `source` the name `destination`.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  package static func rename(_ source: String, to destination: String) throws {
    guard Foundation.rename(source, destination) == 0 else {
      throw FileError.failure(errno, operation: "rename \(source) to", destination)
    }
  }

  /// Removes the file, link or folder at `path`, with all it holds, where there is one.
  ///
  /// - Throws: `FileError.failed`.
  package static func remove(_ path: String) throws {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch CocoaError.fileNoSuchFile {
      return
    } catch {
      throw FileError.failure(error.errorNumber ?? EIO, operation: "remove", path)
    }
  }

  /// Makes the folder `path`, and those that it is in.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  public static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FileError.failure(error.errorNumber ?? EIO, operation: "make the folder", path)
    }
  }

  /// The names in the folder `path`, in order.
  ///
  /// - Throws: `FileError.failed`.
  package static func names(in path: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw FileError.failure(error.errorNumber ?? EIO, operation: "list", path)
    }
  }

  /// Whether `path` is a folder, or a link to one.
  package static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  /// Opens the file at `path`; a process that this one starts does not inherit it.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  package static func open(_ path: String, _ flags: Int32, operation: String) throws -> Int32 {
    let descriptor = Foundation.open(path, flags | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.failure(errno, operation: operation, path) }
    return descriptor
  }

  private static func readChunks(
    of descriptor: Int32, _ path: String, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws {
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { chunk.deallocate() }
    while true {
      let count = Foundation.read(descriptor, chunk.baseAddress, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.failure(errno, operation: "read", path) }
      guard count > 0 else { return }
      body(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
  }
}

import Foundation

/// A file or a folder, by whatever paths and links it is reached.
public struct FileIdentity: Hashable, Sendable {
  private let device: UInt64
  private let node: UInt64
  /// `S_IFREG`, `S_IFDIR` and the like.
  public let type: mode_t

  public var isFolder: Bool { type == S_IFDIR }

  /// What the system says of a file.
  public init(_ status: stat) {
    device = UInt64(status.st_dev)
    node = UInt64(status.st_ino)
    type = status.st_mode & S_IFMT
  }

  /// nil where there is nothing, or where it cannot be examined.
  public init?(path: String) { self.init(fileSystemPath: Array(path.utf8CString)) }

  /// - Parameter path: as the file system spells it, ended by zero.
  public init?(fileSystemPath path: [CChar]) {
    var status = stat()
    guard path.withUnsafeBufferPointer({ stat($0.baseAddress!, &status) }) == 0 else { return nil }
    self.init(status)
  }

  /// Whether a path is that of a symbolic link itself.
  public static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// When the contents of a file were changed last, in seconds; nil where there is nothing.
  public static func modificationTime(_ path: String) -> Double? {
    var status = stat()
    return stat(path, &status) == 0 ? modificationTime(status) : nil
  }

  static func modificationTime(_ status: stat) -> Double {
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The path without links; nil where there is nothing.
  public static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

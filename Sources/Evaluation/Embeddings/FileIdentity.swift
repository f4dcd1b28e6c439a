import Foundation

/// A file or a folder, by whatever paths and links it is reached.
struct FileIdentity: Hashable {
  private let device: UInt64
  private let node: UInt64
  let type: mode_t

  var isFolder: Bool { type == S_IFDIR }

  /// nil where there is nothing, or where it cannot be examined.
  init?(path: String) { self.init(fileSystemPath: Array(path.utf8CString)) }

  /// - Parameter path: as the file system spells it, ended by zero.
  init?(fileSystemPath path: [CChar]) {
    var status = stat()
    guard path.withUnsafeBufferPointer({ stat($0.baseAddress!, &status) }) == 0 else { return nil }
    device = UInt64(status.st_dev)
    node = UInt64(status.st_ino)
    type = status.st_mode & S_IFMT
  }

  /// The path without links; nil where there is nothing.
  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

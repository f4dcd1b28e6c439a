import Foundation

/// What can go wrong with a file because of the world outside.
public enum FileError: Error, Equatable, Sendable {
  /// The disk, or the user's quota, is full.
  case diskFull(path: String)
  /// The operating system refused. `code` is an `errno` value.
  case failed(operation: String, path: String, code: Int32)
  /// A JSON file does not hold what it should.
  case invalidJSON(path: String, reason: String)
  /// A folder, a device or a pipe stands where a file is to be written.
  case notARegularFile(path: String)
  /// Something stands where a new folder is to be made.
  case alreadyThere(path: String)
  /// A file that this program did not make stands where it is to write.
  case foreignFile(path: String, option: String)
  /// A list of paths is written in an encoding whose bytes are no paths.
  case listNotUTF8(path: String, found: String)
}

extension FileError {
  /// The error for an `errno` value, with a full disk as a case of its own.
  package static func failure(_ code: Int32, operation: String, _ path: String) -> FileError {
    code == ENOSPC || code == EDQUOT
      ? .diskFull(path: path) : .failed(operation: operation, path: path, code: code)
  }
}

extension FileError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .diskFull(let path):
      "\(path): the disk is full: make room"
    case .failed(let operation, let path, let code):
      "cannot \(operation) \(path): \(String(cString: strerror(code)))"
    case .invalidJSON(let path, let reason):
      "\(path): \(reason)"
    case .notARegularFile(let path):
      "\(path): expected a file to write, found a folder, a device or a pipe"
    case .alreadyThere(let path): "\(path) is there already: name a new folder"
    case .foreignFile(let path, let option):
      "\(path) is there already and was not made by jepa (\(option)): name another file, or overwrite it with --force"
    case .listNotUTF8(let path, let found):
      "\(path): expected paths in UTF-8, found \(found): convert the list with "
        + "iconv -f \(found) -t UTF-8"
    }
  }

  public var errorDescription: String? { description }
}

extension Error {
  /// The `errno` value behind an error of this module or of Foundation.
  package var errorNumber: Int32? {
    switch self as? FileError {
    case .diskFull: return ENOSPC
    case .failed(_, _, let code): return code
    default: break
    }
    if let error = self as? POSIXError { return error.code.rawValue }
    let error = self as NSError
    if error.domain == NSPOSIXErrorDomain { return Int32(error.code) }
    if let cause = error.userInfo[NSUnderlyingErrorKey] as? any Error { return cause.errorNumber }
    switch self as? CocoaError {
    case .some(CocoaError.fileWriteOutOfSpace): return ENOSPC
    case .some(CocoaError.fileWriteNoPermission), .some(CocoaError.fileReadNoPermission):
      return EACCES
    case .some(CocoaError.fileNoSuchFile), .some(CocoaError.fileReadNoSuchFile): return ENOENT
    case .some(CocoaError.fileWriteVolumeReadOnly): return EROFS
    case .some(CocoaError.fileWriteFileExists): return EEXIST
    default: return nil
    }
  }
}

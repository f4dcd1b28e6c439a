import Foundation

/// What can go wrong with a file because of the world outside.
public enum FileError: Error, Equatable, Sendable {
  /// The disk, or the user's quota, is full.
  case diskFull(path: String)
  /// The operating system refused. `code` is an `errno` value.
  case failed(operation: String, path: String, code: Int32)
  /// A JSON file does not hold what it should.
  case invalidJSON(path: String, reason: String)
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

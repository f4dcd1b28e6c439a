import CSQLite
import Foundation

/// What can be wrong with a memory file.
public enum MemoryError: Error, Equatable, Sendable {
  /// There is no file to be read.
  case notFound(path: String)
  /// The file is something else.
  case notAMemory(path: String, found: String)
  /// A later version of the program made the file.
  case newerFormat(path: String, expected: Int, found: Int)
  /// The embeddings in the file are another model's.
  case anotherModel(path: String, expected: String, found: String)
  /// The model never learned to read a memory.
  case trainedWithout(checkpoint: String)
  /// Other processes kept the file locked for so long.
  case locked(path: String, seconds: Double)
  /// The disk, the user's quota or the file is full. What was remembered before stays.
  case full(path: String)
  /// The file's pages contradict each other.
  case damaged(path: String, reason: String)
  /// The system refused.
  case unusable(path: String, operation: String, reason: String)
}

extension MemoryError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .notFound(let path):
      "\(path): no such memory: jepa remember makes one"
    case .notAMemory(let path, let found):
      "\(path): expected a memory that jepa remember made, found \(found)"
    case .newerFormat(let path, let expected, let found):
      "\(path): expected a memory of format \(expected), found \(found): use a newer jepa"
    case .anotherModel(let path, let expected, let found):
      "\(path): the memory is of another model: expected \(expected), found \(found): "
        + "its embeddings mean nothing to this one"
    case .trainedWithout(let checkpoint):
      "\(checkpoint): the model was trained without a memory: train with --set memory.entries=4"
    case .locked(let path, let seconds):
      "\(path): locked by another process for \(String(format: "%g", seconds)) seconds: try again"
    case .full(let path):
      "\(path): the disk is full: make room; what was remembered before is intact"
    case .damaged(let path, let reason):
      "\(path): the memory is damaged: \(reason)"
    case .unusable(let path, let operation, let reason):
      "\(path): cannot \(operation) the memory: \(reason)"
    }
  }

  public var errorDescription: String? { description }

  /// What SQLite's error means for the user; `patience` is how long it waited for a lock.
  init(_ error: SQLiteDatabase.Failure, operation: String, path: String, patience: Double) {
    switch error.code {
    case SQLITE_NOTADB: self = .notAMemory(path: path, found: "another kind of file")
    case SQLITE_BUSY, SQLITE_LOCKED: self = .locked(path: path, seconds: patience)
    case SQLITE_FULL: self = .full(path: path)
    case SQLITE_CORRUPT: self = .damaged(path: path, reason: error.message)
    default: self = .unusable(path: path, operation: operation, reason: error.message)
    }
  }
}

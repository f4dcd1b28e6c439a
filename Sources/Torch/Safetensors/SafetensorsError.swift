import Foundation

/// What can be wrong with a safetensors file, or with an attempt to write one.
///
/// Every case names the file; those about one tensor name the tensor too.
public enum SafetensorsError: Error, Equatable, Sendable {
  /// A system call failed, for instance because the disk is full.
  case system(path: String, operation: String, errorNumber: Int32)
  /// The path names a folder, a pipe or a device.
  case notARegularFile(path: String)
  /// The file ends before what its header announces.
  case truncated(path: String, expectedBytes: Int, foundBytes: Int)
  /// The file is what Git LFS keeps in the weights' place until they are fetched.
  case notFetched(path: String)
  /// Numbers that are NaN or infinite, where weights are wanted.
  case notFinite(path: String, tensor: String, count: Int, of: Int)
  /// The header's announced length is above the limit of 100 MB.
  case headerTooLarge(path: String, limit: Int, found: UInt64)
  /// The header is not the JSON object that the format asks for.
  case malformedHeader(path: String, tensor: String?, offset: Int, expected: String, found: String)
  /// A name, or a field of an entry, stands in the header twice.
  case duplicateKey(path: String, key: String)
  /// The element type is unknown, or has no whole number of bytes.
  case unsupportedDType(path: String, tensor: String, found: String)
  /// The number of elements, or of bytes, does not fit into a machine word.
  case shapeOverflow(path: String, tensor: String, shape: [Int])
  /// The tensor's byte range is not as long as its shape and element type say.
  case wrongByteCount(path: String, tensor: String, expected: Int, found: Int)
  /// The tensor's first byte does not follow the byte range before it: a gap or an overlap.
  case misplacedBytes(path: String, tensor: String, expectedOffset: Int, foundOffset: Int)
  /// Bytes that belong to no tensor follow the last one.
  case unusedBytes(path: String, expectedBytes: Int, foundBytes: Int)
  /// The file holds no tensor of this name.
  case missingTensor(path: String, tensor: String)
  /// The index of a model in several files does not fit them.
  case malformedIndex(path: String, reason: String)
  /// To be written: the name is the format's own, or is given twice.
  case unusableName(path: String, tensor: String)
}

extension SafetensorsError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .system(let path, let operation, let errorNumber):
      "\(path): could not \(operation): \(String(cString: strerror(errorNumber)))"
    case .notARegularFile(let path):
      "\(path): expected a safetensors file, found something that is not a regular file"
    case .truncated(let path, let expected, let found):
      "\(path): truncated: expected at least \(expected) bytes, found \(found)"
    case .notFetched(let path):
      "\(path): a pointer of Git LFS, not the weights: fetch them with git lfs pull"
    case .notFinite(let path, let tensor, let count, let all):
      "\(path): tensor \"\(tensor)\": \(count) of \(all) numbers are NaN or infinite: "
        + "no weights of a trained model"
    case .headerTooLarge(let path, let limit, let found):
      "\(path): expected a header of at most \(limit) bytes, found a length of \(found): "
        + "not a safetensors file?"
    case .malformedHeader(let path, let tensor, let offset, let expected, let found):
      "\(path): malformed header at byte \(offset)"
        + (tensor.map { " (tensor \"\($0)\")" } ?? "")
        + ": expected \(expected), found \(found)"
    case .duplicateKey(let path, let key):
      "\(path): the header holds \"\(key)\" twice"
    case .unsupportedDType(let path, let tensor, let found):
      "\(path): tensor \"\(tensor)\": unsupported element type \"\(found)\""
    case .shapeOverflow(let path, let tensor, let shape):
      "\(path): tensor \"\(tensor)\": the size of shape \(shape) overflows"
    case .wrongByteCount(let path, let tensor, let expected, let found):
      "\(path): tensor \"\(tensor)\": expected \(expected) bytes, found \(found)"
    case .misplacedBytes(let path, let tensor, let expected, let found):
      "\(path): tensor \"\(tensor)\": expected its data at offset \(expected), found \(found)"
    case .unusedBytes(let path, let expected, let found):
      "\(path): expected \(expected) bytes, found \(found): bytes that belong to no tensor"
    case .missingTensor(let path, let tensor):
      "\(path): no tensor \"\(tensor)\""
    case .malformedIndex(let path, let reason):
      "\(path): \(reason)"
    case .unusableName(let path, let tensor):
      "\(path): cannot write a tensor named \"\(tensor)\": the name is reserved or used twice"
    }
  }

  public var errorDescription: String? { description }
}

extension SafetensorsError: CustomNSError {
  /// What is said, and the system's own error, so that a full disk is known for what it is.
  public var errorUserInfo: [String: Any] {
    var information: [String: Any] = [NSLocalizedDescriptionKey: description]
    if case .system(_, _, let number) = self, let code = POSIXErrorCode(rawValue: number) {
      information[NSUnderlyingErrorKey] = POSIXError(code)
    }
    return information
  }
}

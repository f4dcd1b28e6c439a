import Files
import Foundation
import Torch

/// A file as memory: read when it is looked at, and not kept when memory is short.
final class MappedFile: Sendable {
  let path: String
  /// Never written: the pages are read-only.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// - Throws: `FileError.failed`; `.malformedEmbeddings` for an empty file.
  init(path: String) throws {
    self.path = path
    func failed(_ operation: String) -> FileError {
      .failure(errno, operation: operation, path)
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failed("read") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failed("examine") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw EmbeddingError.malformedEmbeddings(
        path: path, expected: "a file of embeddings", found: "a folder, a device or a pipe")
    }
    let count = Int(status.st_size)
    guard count > 0 else {
      throw EmbeddingError.malformedEmbeddings(
        path: path, expected: "a file of embeddings", found: "an empty file")
    }
    guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
      address != MAP_FAILED
    else { throw failed("map") }
    bytes = UnsafeRawBufferPointer(start: address, count: count)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

  /// The numbers in a range of the file as a tensor on the same memory; nothing may write to it.
  ///
  /// - Precondition: the range holds them, and begins at a multiple of their size.
  func tensor(in range: Range<Int>, shape: [Int], dtype: EmbeddingDType) -> Tensor {
    let memory = UnsafeMutableRawBufferPointer(
      mutating: UnsafeRawBufferPointer(rebasing: bytes[range]))
    return Tensor.view(
      of: memory, shape: shape, dtype: dtype.tensorType, keepingAlive: self)
  }
}

import Foundation

/// Gives memory for batches that a device can read by itself; nil where there is no more of it.
///
/// The owner keeps the memory alive.
public typealias BatchAllocator =
  @Sendable (_ byteCount: Int) -> (bytes: UnsafeMutableRawBufferPointer, owner: AnyObject)?

/// Memory aligned for vectors, which belongs to a batch and is used again by later ones.
package final class BatchMemory<Element: BitwiseCopyable> {
  /// Where it begins; valid until the next `reserve`.
  package private(set) var pointer: UnsafeMutablePointer<Element>
  private var capacity = 1
  private let allocator: BatchAllocator?
  /// Who frees the memory, where that is not this object.
  private var owner: AnyObject?

  /// Memory that nothing fits into yet.
  package init(allocator: BatchAllocator? = nil) {
    self.allocator = allocator
    pointer = .allocate(capacity: 1)
  }

  deinit { if owner == nil { free(pointer) } }

  /// Makes room for `count` elements, whose values are unset.
  ///
  /// - Throws: `ImageError.noRoomForBatch`, after which the room is as it was.
  package func reserve(_ count: Int) throws(ImageError) {
    guard count > capacity else { return }
    let byteCount = count * MemoryLayout<Element>.stride
    let (memory, newOwner): (UnsafeMutableRawPointer, AnyObject?)
    if let (bytes, owner) = allocator?(byteCount) {
      (memory, newOwner) = (bytes.baseAddress!, owner)
    } else {
      var found: UnsafeMutableRawPointer?
      guard posix_memalign(&found, 64, byteCount) == 0, let found else {
        throw .noRoomForBatch(byteCount: byteCount)
      }
      (memory, newOwner) = (found, nil)
    }
    if owner == nil { free(pointer) }
    (pointer, owner) = (memory.bindMemory(to: Element.self, capacity: count), newOwner)
    capacity = count
  }
}

/// Gives memory for batches that a device can read by itself; nil where there is no more of it.
///
/// The owner keeps the memory alive.
public typealias BatchAllocator =
  @Sendable (_ byteCount: Int) -> (bytes: UnsafeMutableRawBufferPointer, owner: AnyObject)?

/// Memory aligned for vectors, which belongs to a batch and is used again by later ones.
package final class BatchMemory<Element: BitwiseCopyable> {
  package private(set) var pointer: UnsafeMutablePointer<Element>
  private var capacity: Int
  private let allocator: BatchAllocator?
  /// Who frees the memory, where that is not this object.
  private var owner: AnyObject?

  package init(capacity: Int, allocator: BatchAllocator? = nil) {
    self.capacity = max(capacity, 1)
    self.allocator = allocator
    (pointer, owner) = Self.allocate(self.capacity, allocator)
  }

  deinit { if owner == nil { UnsafeMutableRawPointer(pointer).deallocate() } }

  package func reserve(_ count: Int) {
    guard count > capacity else { return }
    if owner == nil { UnsafeMutableRawPointer(pointer).deallocate() }
    capacity = count
    (pointer, owner) = Self.allocate(count, allocator)
  }

  private static func allocate(
    _ count: Int, _ allocator: BatchAllocator?
  ) -> (UnsafeMutablePointer<Element>, owner: AnyObject?) {
    let byteCount = count * MemoryLayout<Element>.stride
    if let (bytes, owner) = allocator?(byteCount) {
      return (bytes.baseAddress!.bindMemory(to: Element.self, capacity: count), owner)
    }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    return (memory.bindMemory(to: Element.self, capacity: count), nil)
  }
}

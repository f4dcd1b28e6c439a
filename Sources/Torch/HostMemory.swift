import CTorch

/// Memory of the host that CUDA reads by itself while the host goes on ("pinned").
public final class PinnedMemory: Sendable {
  private let tensor: Tensor
  /// Where it begins; valid while this object lives.
  public nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

  /// - Throws: `TorchError.libtorch` where there is no CUDA, or not as much memory.
  public init(byteCount: Int) throws {
    var handle: OpaquePointer?
    let status = [byteCount].withSizes { ct_empty_pinned($0, $1, DType.uint8.rawValue, &handle) }
    guard status == 0, let handle else { throw TorchError.libtorch(lastErrorMessage()) }
    tensor = Tensor(owning: handle)
    bytes = tensor.withUnsafeMutableBytes { $0 }
  }
}

/// A point in a device's work that the host can wait for: until then, memory that is being copied is not
/// to be written to.
public final class DeviceEvent: @unchecked Sendable {
  // Unchecked: an event is recorded once, before anyone else sees it, and waiting is safe anywhere.
  private let handle: OpaquePointer

  /// Records the event behind everything that was started on the device.
  ///
  /// - Precondition: the device is an accelerator.
  public init(recordedOn device: Device) {
    var handle: OpaquePointer?
    Tensor.perform("record") { ct_event_record(device.type, device.index, &handle) }
    self.handle = handle!
  }

  deinit { ct_event_free(handle) }

  /// Returns when the device has come to the event; at once where it has been there already.
  public func wait() { Tensor.perform("wait") { ct_event_wait(handle) } }
}

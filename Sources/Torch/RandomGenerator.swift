import CTorch

/// A source of random tensors whose state can be saved: the Mersenne twister of libtorch's CPU.
///
/// Random tensors are drawn on the CPU and moved, so that a seed means the same numbers on every device.
public final class RandomGenerator: @unchecked Sendable {
  // Unchecked: libtorch guards a generator with a lock of its own.
  let handle: OpaquePointer

  public init(seed: UInt64) {
    var result: OpaquePointer?
    let status = ct_generator_create(seed, &result)
    guard status == 0, let result else { Tensor.fail("RandomGenerator", [], status) }
    handle = result
  }

  deinit { ct_generator_free(handle) }

  /// Where the stream of numbers stands, as bytes.
  public var state: [UInt8] {
    get {
      withExtendedLifetime(self) { Tensor.make("state") { ct_generator_state(handle, $0) }.array() }
    }
    set {
      let state = Tensor(newValue)
      withExtendedLifetime(self) {
        Tensor.perform("state", state) { ct_generator_set_state(handle, state.handle) }
      }
    }
  }
}

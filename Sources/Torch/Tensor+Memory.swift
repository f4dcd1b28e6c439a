import CTorch

// Between tensors and Swift's memory. Views share it; `array(of:)` and `item()` copy to the host, which
// on an accelerator waits for everything before: keep both out of the training step.

extension Tensor {
  /// A view, without a copy, of memory that `owner` keeps alive until the last tensor on it is gone.
  ///
  /// - Precondition: `memory` has at least as many elements as `shape` asks for.
  public static func view<Element: TensorElement>(
    of memory: UnsafeMutableBufferPointer<Element>, shape: [Int], keepingAlive owner: AnyObject
  ) -> Tensor {
    view(
      of: UnsafeMutableRawBufferPointer(memory), shape: shape, dtype: Element.dtype,
      keepingAlive: owner)
  }

  /// A view, without a copy, of raw memory that `owner` keeps alive until the last tensor on it is gone.
  public static func view(
    of memory: UnsafeMutableRawBufferPointer, shape: [Int], dtype: DType,
    keepingAlive owner: AnyObject
  ) -> Tensor {
    let needed = shape.reduce(1, *) * dtype.byteCount
    precondition(
      needed <= memory.count,
      "a view of shape \(shape), \(dtype), needs \(needed) bytes; the memory has \(memory.count)")
    guard needed > 0, let base = memory.baseAddress else { return empty(shape, dtype: dtype) }
    let context = Unmanaged.passRetained(owner).toOpaque()
    return make("view") { out in
      shape.withSizes { sizes, rank in
        ct_from_memory(
          base, sizes, rank, dtype.rawValue, context,
          { context in Unmanaged<AnyObject>.fromOpaque(context!).release() }, out)
      }
    }
  }

  /// Lends the tensor's memory, row by row; a tensor elsewhere or with strides is copied first.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let source = device == .cpu && isContiguous ? self : to(device: .cpu).contiguous()
    return try withExtendedLifetime(source) {
      try body(UnsafeRawBufferPointer(source.rawMemory()))
    }
  }

  /// Lends the tensor's memory for writing.
  ///
  /// - Precondition: the tensor is contiguous and on the CPU.
  package func withUnsafeMutableBytes<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    precondition(
      device == .cpu && isContiguous,
      "writing to the memory of \(self) needs a contiguous CPU tensor")
    return try withExtendedLifetime(self) { try body(rawMemory()) }
  }

  private func rawMemory() -> UnsafeMutableRawBufferPointer {
    var data: UnsafeMutableRawPointer?
    Tensor.perform("memory", self) { ct_data(handle, &data) }
    return UnsafeMutableRawBufferPointer(start: data, count: count * dtype.byteCount)
  }

  /// All elements in row-major order, copied.
  ///
  /// - Precondition: `Element` is the tensor's own type.
  public func array<Element: TensorElement>(of type: Element.Type = Element.self) -> [Element] {
    precondition(dtype == Element.dtype, "an array of \(Element.self) from a tensor of \(dtype)")
    return withUnsafeBytes { Array($0.bindMemory(to: Element.self)) }
  }

  /// The value of a tensor with one element.
  public func item() -> Double {
    var value = 0.0
    Tensor.perform("item", self) { ct_item(handle, &value) }
    return value
  }

  /// The value of a tensor with one whole number.
  public func integer() -> Int {
    var value: Int64 = 0
    Tensor.perform("integer", self) { ct_item_int(handle, &value) }
    return Int(value)
  }

  /// The tensor with elements of another type and on another device; itself where nothing changes.
  public func to(_ dtype: DType? = nil, device: Device? = nil) -> Tensor {
    converted(dtype ?? self.dtype, device ?? self.device, copy: false)
  }

  /// The tensor in float32, or in float64 where it is that: sums of many elements need no less.
  public var inFullPrecision: Tensor { dtype == .float64 ? self : to(.float32) }

  private func converted(_ dtype: DType, _ device: Device, copy: Bool) -> Tensor {
    Tensor.make("to", self) {
      ct_to(handle, dtype.rawValue, device.type, device.index, copy, $0)
    }
  }

  /// The tensor in row-major order; itself where it is already.
  public func contiguous() -> Tensor {
    Tensor.make("contiguous", self) { ct_contiguous(handle, false, $0) }
  }

  /// The pictures `[B, C, H, W]` with their channels innermost in memory: convolutions are faster so.
  public func channelsLast() -> Tensor {
    Tensor.make("channelsLast", self) { ct_contiguous(handle, true, $0) }
  }

  /// A copy with memory of its own, through which gradients flow.
  public func clone() -> Tensor { Tensor.make("clone", self) { ct_clone(handle, $0) } }

  /// Puts the tensor on the memory of `source`, on whatever device that is, for everyone who holds it.
  func replaceMemory(with source: Tensor) {
    Tensor.perform("replaceMemory", self, source) { ct_set_data_(handle, source.handle) }
  }

  /// Overwrites every element with those of `source`, broadcast and converted as needed.
  package func assign(_ source: Tensor) {
    Tensor.perform("assign", self, source) { ct_copy_(handle, source.handle) }
  }

  /// Overwrites every element with `value`.
  package func assign(_ value: Double) {
    Tensor.perform("assign", self) { ct_fill_(handle, value) }
  }

  /// Adds `scale * other` in place.
  package func accumulate(_ other: Tensor, scale: Double = 1) {
    Tensor.perform("accumulate", self, other) { ct_add_(handle, other.handle, scale) }
  }

  /// Adds `scale * left * right` in place, elementwise.
  package func accumulate(_ left: Tensor, times right: Tensor, scale: Double = 1) {
    Tensor.perform("accumulate", self, left, right) {
      ct_addcmul_(handle, left.handle, right.handle, scale)
    }
  }

  /// Multiplies every element in place.
  package func scale(by factor: Double) {
    Tensor.perform("scale", self) { ct_mul_(handle, factor) }
  }

  /// Moves in place towards `end`: `self + weight * (end - self)`.
  package func move(towards end: Tensor, weight: Double) {
    Tensor.perform("move", self, end) { ct_lerp_(handle, end.handle, weight) }
  }
}

import CTorch

/// An n-dimensional array of numbers on a device, with automatic differentiation.
///
/// Operators return a new tensor, or a view that shares memory where they say so. Nothing public changes the elements of
/// one that is there, so tensors may go from thread to thread; `backward` adds to the gradients of its leaves, for one
/// thread at a time.
/// An operator whose operands do not fit traps with its name, the shapes and libtorch's message; one that runs out of
/// memory traps too, unless it is in a `Computation`, which throws.
public final class Tensor: @unchecked Sendable {
  // Unchecked: libtorch counts references atomically, and reading one tensor from two threads is safe. What changes
  // elements in place (descent, loading, a teacher that follows) is of this package, which does so on one thread.
  let handle: OpaquePointer

  init(owning handle: OpaquePointer) { self.handle = handle }

  deinit { ct_free(handle) }

  // MARK: Properties

  // A temporary tensor may be released as soon as its handle has been read, hence `query`. Operators
  // keep theirs alive by passing them to `make` and `perform`.
  private func query<Result>(_ call: (OpaquePointer) -> Result) -> Result {
    withExtendedLifetime(self) { call(handle) }
  }

  /// The number of dimensions.
  public var rank: Int { Int(query(ct_rank)) }

  /// The size of each dimension.
  public var shape: [Int] {
    query { handle in (0..<ct_rank(handle)).map { Int(ct_size(handle, $0)) } }
  }

  /// The size of one dimension; negative ones count from the end.
  public func size(_ dimension: Int) -> Int {
    let rank = self.rank
    precondition(
      (-rank..<rank).contains(dimension), "dimension \(dimension) of a tensor of shape \(shape)")
    return Int(query { ct_size($0, Int32(dimension < 0 ? dimension + rank : dimension)) })
  }

  /// The distance in elements between neighbours along each dimension.
  public var strides: [Int] {
    query { handle in (0..<ct_rank(handle)).map { Int(ct_stride(handle, $0)) } }
  }

  /// The number of elements.
  public var count: Int { Int(query(ct_element_count)) }

  public var dtype: DType {
    let code = query(ct_dtype)
    guard let dtype = DType(rawValue: code) else {
      preconditionFailure("libtorch returned a tensor of unknown type \(code)")
    }
    return dtype
  }

  public var device: Device {
    query { Device(type: ct_device_type($0), index: ct_device_index($0)) }
  }

  /// Whether elements lie in memory one after the other in row-major order.
  public var isContiguous: Bool { query(ct_is_contiguous) }

  /// Whether both tensors are views of the same memory.
  public func sharesMemory(with other: Tensor) -> Bool {
    query { mine in other.query { ct_same_storage(mine, $0) } }
  }

  // MARK: Calling libtorch

  /// Calls an operator that makes one tensor; ends in `fail` when libtorch does not do it.
  static func make(
    _ name: StaticString, _ operands: Tensor?..., call: (ct_out) -> Int32
  ) -> Tensor {
    var result: OpaquePointer?
    let status = call(&result)
    guard status == 0, let result else { fail(name, operands, status) }
    return Tensor(owning: result)
  }

  /// Calls an operator that makes two tensors.
  static func makePair(
    _ name: StaticString, _ operand: Tensor, call: (ct_out, ct_out) -> Int32
  ) -> (Tensor, Tensor) {
    var first: OpaquePointer?
    var second: OpaquePointer?
    let status = call(&first, &second)
    guard status == 0, let first, let second else { fail(name, [operand], status) }
    return (Tensor(owning: first), Tensor(owning: second))
  }

  /// Calls an operator that works in place or on the side.
  static func perform(_ name: StaticString, _ operands: Tensor?..., call: () -> Int32) {
    let status = call()
    if status != 0 { fail(name, operands, status) }
  }

  /// Ends the computation that this is in, where memory or a device gave out. Else, and for operands that do not fit,
  /// ends the program with the operator, every operand and libtorch's message.
  static func fail(_ name: StaticString, _ operands: [Tensor?], _ status: Int32) -> Never {
    if status != CT_REFUSED, let thread = ComputingThread.current {
      thread.freeReserve()
      if let error = ComputationError(
        status: status, operation: "\(name)", message: lastErrorMessage())
      {
        thread.fail(error)
      }
    }
    let shapes = operands.map { $0.map { "\($0.dtype)\($0.shape)" } ?? "none" }
    fatalError("Torch.\(name) of \(shapes.joined(separator: ", ")): \(lastErrorMessage())")
  }
}

extension [Tensor] {
  /// The handles of all tensors, in a buffer that lives as long as the call.
  func withHandles<Result>(
    _ body: (UnsafePointer<OpaquePointer>, Int32) throws -> Result
  ) rethrows -> Result {
    let handles = map(\.handle)
    return try withExtendedLifetime(self) {
      try handles.withUnsafeBufferPointer { buffer in
        // An empty list still needs an address; it is never read.
        guard let base = buffer.baseAddress else {
          return try withUnsafeTemporaryAllocation(of: OpaquePointer.self, capacity: 1) {
            try body(UnsafePointer($0.baseAddress!), 0)
          }
        }
        return try body(base, Int32(buffer.count))
      }
    }
  }
}

extension [Int] {
  /// The numbers as libtorch takes them, in a buffer that lives as long as the call.
  func withSizes<Result>(_ body: (UnsafePointer<Int64>, Int32) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: Swift.max(count, 1)) { buffer in
      for (position, value) in enumerated() { buffer[position] = Int64(value) }
      return body(UnsafePointer(buffer.baseAddress!), Int32(count))
    }
  }
}

extension Tensor: CustomStringConvertible {
  public var description: String {
    let values = count <= 16 ? " \(to(.float64).flattened().array(of: Double.self))" : ""
    return "Tensor(\(dtype), \(shape)\(device == .cpu ? "" : ", \(device)"))\(values)"
  }
}

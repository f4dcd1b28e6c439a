import CTorch

extension Tensor {
  /// A tensor of unset memory.
  public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor
  {
    make("empty") { out in
      shape.withSizes { ct_empty($0, $1, dtype.rawValue, device.type, device.index, out) }
    }
  }

  public static func full(
    _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    make("full") { out in
      shape.withSizes { ct_full($0, $1, value, dtype.rawValue, device.type, device.index, out) }
    }
  }

  public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor
  {
    full(shape, 0, dtype: dtype, device: device)
  }

  public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor
  {
    full(shape, 1, dtype: dtype, device: device)
  }

  /// Zeros of the shape, type and device of another tensor.
  public static func zeros(like other: Tensor) -> Tensor {
    zeros(other.shape, dtype: other.dtype, device: other.device)
  }

  /// A scalar.
  public convenience init(_ value: Double, dtype: DType = .float32, device: Device = .cpu) {
    let scalar = Tensor.full([], value, dtype: dtype, device: device)
    self.init(owning: scalar.duplicateHandle())
  }

  /// A copy of `values`, in row-major order.
  ///
  /// - Precondition: `values.count` is the product of `shape` (or `shape` is nil: one dimension).
  public convenience init<Element: TensorElement>(_ values: [Element], shape: [Int]? = nil) {
    let shape = shape ?? [values.count]
    precondition(
      shape.reduce(1, *) == values.count, "\(values.count) values for a tensor of shape \(shape)")
    let tensor = Tensor.empty(shape, dtype: Element.dtype)
    tensor.withUnsafeMutableBytes { bytes in
      values.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
    self.init(owning: tensor.duplicateHandle())
  }

  /// `start`, `start + step`, … below `end`.
  public static func range(
    _ start: Double = 0, to end: Double, by step: Double = 1, dtype: DType = .float32,
    device: Device = .cpu
  ) -> Tensor {
    make("range") {
      ct_arange(start, end, step, dtype.rawValue, device.type, device.index, $0)
    }
  }

  /// `count` numbers from `start` to `end`, both included, at equal distances.
  public static func linearSpace(
    from start: Double, to end: Double, count: Int, dtype: DType = .float32
  ) -> Tensor {
    make("linearSpace") { ct_linspace(start, end, Int64(count), dtype.rawValue, $0) }
  }

  /// The identity matrix.
  public static func identity(
    _ size: Int, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    make("identity") { ct_eye(Int64(size), dtype.rawValue, device.type, device.index, $0) }
  }

  /// Numbers drawn evenly from 0 ..< 1.
  public static func uniform(
    _ shape: [Int], using generator: RandomGenerator, dtype: DType = .float32
  ) -> Tensor {
    draw("uniform", generator) { generator, out in
      shape.withSizes { ct_rand($0, $1, dtype.rawValue, generator, out) }
    }
  }

  /// Numbers drawn from the normal distribution of mean 0 and variance 1.
  public static func normal(
    _ shape: [Int], using generator: RandomGenerator, dtype: DType = .float32
  ) -> Tensor {
    draw("normal", generator) { generator, out in
      shape.withSizes { ct_randn($0, $1, dtype.rawValue, generator, out) }
    }
  }

  /// Whole numbers drawn evenly from `range`, as int64.
  public static func integers(
    in range: Range<Int>, _ shape: [Int], using generator: RandomGenerator
  ) -> Tensor {
    draw("integers", generator) { generator, out in
      shape.withSizes {
        ct_randint(Int64(range.lowerBound), Int64(range.upperBound), $0, $1, generator, out)
      }
    }
  }

  /// The numbers 0 ..< `count` in a random order, as int64.
  public static func permutation(_ count: Int, using generator: RandomGenerator) -> Tensor {
    draw("permutation", generator) { ct_randperm(Int64(count), $0, $1) }
  }

  /// Calls an operator that draws numbers, while `generator` lives.
  private static func draw(
    _ name: StaticString, _ generator: RandomGenerator, call: (OpaquePointer, ct_out) -> Int32
  ) -> Tensor {
    withExtendedLifetime(generator) { make(name) { call(generator.handle, $0) } }
  }

  /// Another handle on the same tensor (not a copy of it).
  private func duplicateHandle() -> OpaquePointer {
    var result: OpaquePointer?
    let status = ct_alias(handle, &result)
    guard status == 0, let result else { Tensor.fail("init", [self], status) }
    return result
  }
}

import CTorch

// Reductions. Without dimensions they run over all; dimensions may be negative.

extension Tensor {
  private typealias Reduction = (
    OpaquePointer, UnsafePointer<Int64>, Int32, Bool, ct_out
  ) -> Int32

  private func reduced(
    _ name: StaticString, _ dimensions: [Int], _ keep: Bool, _ call: Reduction
  ) -> Tensor {
    Tensor.make(name, self) { out in
      dimensions.withSizes { call(handle, $0, $1, keep, out) }
    }
  }

  public func sum(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("sum", dimensions, keepingDimensions, ct_sum)
  }

  public func mean(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("mean", dimensions, keepingDimensions, ct_mean)
  }

  public func max(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("max", dimensions, keepingDimensions, ct_amax)
  }

  public func min(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("min", dimensions, keepingDimensions, ct_amin)
  }

  /// `log(sum(exp(x)))`, without overflow.
  public func logSumExp(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("logSumExp", dimensions, keepingDimensions, ct_logsumexp)
  }

  /// The Euclidean norm.
  public func norm(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("norm", dimensions, keepingDimensions, ct_norm)
  }

  public func any(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("any", dimensions, keepingDimensions, ct_any)
  }

  public func all(_ dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
    reduced("all", dimensions, keepingDimensions, ct_all)
  }

  /// The variance, divided by `count - correction` (1: the unbiased estimate).
  public func variance(
    _ dimensions: Int..., correction: Int = 1, keepingDimensions: Bool = false
  ) -> Tensor {
    Tensor.make("variance", self) { out in
      dimensions.withSizes { ct_var(handle, $0, $1, Int64(correction), keepingDimensions, out) }
    }
  }

  /// The position of the greatest element along a dimension, as int64.
  public func argmax(_ dimension: Int, keepingDimensions: Bool = false) -> Tensor {
    Tensor.make("argmax", self) { ct_argmax(handle, Int64(dimension), keepingDimensions, $0) }
  }

  /// The position of the least element along a dimension, as int64.
  public func argmin(_ dimension: Int, keepingDimensions: Bool = false) -> Tensor {
    Tensor.make("argmin", self) { ct_argmin(handle, Int64(dimension), keepingDimensions, $0) }
  }

  public func cumulativeSum(_ dimension: Int) -> Tensor {
    Tensor.make("cumulativeSum", self) { ct_cumsum(handle, Int64(dimension), $0) }
  }

  /// The `count` greatest (or least) elements along a dimension, in order, and their positions.
  public func top(
    _ count: Int, along dimension: Int = -1, largest: Bool = true
  ) -> (values: Tensor, indices: Tensor) {
    Tensor.makePair("top", self) {
      ct_topk(handle, Int64(count), Int64(dimension), largest, $0, $1)
    }
  }

  /// The elements in order along a dimension, and where each was; equal ones keep their order.
  public func sorted(
    along dimension: Int = -1, descending: Bool = false
  ) -> (values: Tensor, indices: Tensor) {
    Tensor.makePair("sorted", self) { ct_sort(handle, Int64(dimension), descending, $0, $1) }
  }

  public func softmax(_ dimension: Int) -> Tensor {
    Tensor.make("softmax", self) { ct_softmax(handle, Int64(dimension), $0) }
  }

  public func logSoftmax(_ dimension: Int) -> Tensor {
    Tensor.make("logSoftmax", self) { ct_log_softmax(handle, Int64(dimension), $0) }
  }
}

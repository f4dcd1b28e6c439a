import CTorch

// Views and joins. Views share memory with the tensor they come from.

extension Tensor {
  /// The same bytes as elements of another type, without a copy: the last dimension shrinks or grows.
  ///
  /// - Precondition: the last dimension is contiguous, and its bytes are whole elements.
  public func viewed(as dtype: DType) -> Tensor {
    Tensor.make("viewed", self) { ct_view_as_type(handle, dtype.rawValue, $0) }
  }

  /// The same elements in another shape; one size may be -1. A view where the memory allows it.
  public func reshaped(_ shape: Int...) -> Tensor { reshaped(shape) }

  public func reshaped(_ shape: [Int]) -> Tensor {
    Tensor.make("reshaped", self) { out in shape.withSizes { ct_reshape(handle, $0, $1, out) } }
  }

  public func permuted(_ order: Int...) -> Tensor {
    Tensor.make("permuted", self) { out in order.withSizes { ct_permute(handle, $0, $1, out) } }
  }

  public func transposed(_ first: Int = -2, _ second: Int = -1) -> Tensor {
    Tensor.make("transposed", self) { ct_transpose(handle, Int64(first), Int64(second), $0) }
  }

  /// The tensor repeated along dimensions of size 1, without a copy; -1 keeps a size.
  public func expanded(_ shape: Int...) -> Tensor {
    Tensor.make("expanded", self) { out in shape.withSizes { ct_expand(handle, $0, $1, out) } }
  }

  public func squeezed(_ dimension: Int) -> Tensor {
    Tensor.make("squeezed", self) { ct_squeeze(handle, Int64(dimension), $0) }
  }

  public func unsqueezed(_ dimension: Int) -> Tensor {
    Tensor.make("unsqueezed", self) { ct_unsqueeze(handle, Int64(dimension), $0) }
  }

  /// Dimensions `first` to `last` as one.
  public func flattened(_ first: Int = 0, _ last: Int = -1) -> Tensor {
    Tensor.make("flattened", self) { ct_flatten(handle, Int64(first), Int64(last), $0) }
  }

  /// The tensors one after the other along a dimension.
  public static func concatenate(_ tensors: [Tensor], along dimension: Int = 0) -> Tensor {
    precondition(!tensors.isEmpty, "concatenating no tensors")
    return make("concatenate", tensors.first, tensors.last) { out in
      tensors.withHandles { ct_cat($0, $1, Int64(dimension), out) }
    }
  }

  /// The tensors side by side along a new dimension.
  public static func stack(_ tensors: [Tensor], along dimension: Int = 0) -> Tensor {
    precondition(!tensors.isEmpty, "stacking no tensors")
    return make("stack", tensors.first, tensors.last) { out in
      tensors.withHandles { ct_stack($0, $1, Int64(dimension), out) }
    }
  }

  /// The part `range` of a dimension.
  public func slice(_ range: Range<Int>, along dimension: Int = 0, by step: Int = 1) -> Tensor {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= size(dimension),
      "slice \(range) of dimension \(dimension) of a tensor of shape \(shape)")
    return Tensor.make("slice", self) {
      ct_slice(
        handle, Int64(dimension), Int64(range.lowerBound), Int64(range.upperBound), Int64(step), $0)
    }
  }

  /// Equal parts along a dimension.
  ///
  /// - Precondition: the dimension's size is a multiple of `count`.
  public func split(into count: Int, along dimension: Int = 0) -> [Tensor] {
    let length = size(dimension) / count
    precondition(
      length * count == size(dimension), "splitting shape \(shape) into \(count) along \(dimension)"
    )
    return (0..<count).map { slice($0 * length..<($0 + 1) * length, along: dimension) }
  }

  /// The element, or lower-dimensional part, at `index` of a dimension.
  public func select(_ index: Int, along dimension: Int = 0) -> Tensor {
    Tensor.make("select", self) { ct_select(handle, Int64(dimension), Int64(index), $0) }
  }

  public subscript(index: Int) -> Tensor { select(index) }

  /// The parts at `indices` (int64 `[n]`) of a dimension.
  public func select(indices: Tensor, along dimension: Int = 0) -> Tensor {
    Tensor.make("select", self, indices) {
      ct_index_select(handle, Int64(dimension), indices.handle, $0)
    }
  }

  /// The elements where `mask` holds, in one dimension.
  public func select(where mask: Tensor) -> Tensor {
    Tensor.make("select", self, mask) { ct_masked_select(handle, mask.handle, $0) }
  }

  /// The positions of elements that are not zero, `[n, rank]` of int64.
  public func nonzero() -> Tensor { Tensor.make("nonzero", self) { ct_nonzero(handle, $0) } }

  /// `out[i][j] = self[indices[i][j]][j]` for dimension 0, and so on: as many dimensions as `indices`.
  public func gather(_ indices: Tensor, along dimension: Int) -> Tensor {
    Tensor.make("gather", self, indices) {
      ct_gather(handle, Int64(dimension), indices.handle, $0)
    }
  }

  /// Token sequences `[B, N, D]` reduced to the tokens at `indices` (int64 `[B, n]`): `[B, n, D]`.
  public func gatherTokens(_ indices: Tensor) -> Tensor {
    precondition(
      rank == 3 && indices.rank == 2,
      "gathering tokens \(indices.shape) of \(shape): [B, n] of [B, N, D]")
    return gather(indices.unsqueezed(2).expanded(-1, -1, size(2)), along: 1)
  }

  /// The tensor with `source` written at `indices` of a dimension; the inverse of `gather`.
  public func scattered(_ source: Tensor, at indices: Tensor, along dimension: Int) -> Tensor {
    Tensor.make("scattered", self, indices, source) {
      ct_scatter(handle, Int64(dimension), indices.handle, source.handle, $0)
    }
  }

  /// Overwrites the parts at `indices` (int64 `[n]`) of a dimension with those of `source`.
  package func assign(_ source: Tensor, at indices: Tensor, along dimension: Int = 0) {
    Tensor.perform("assign", self, indices, source) {
      ct_index_copy_(handle, Int64(dimension), indices.handle, source.handle)
    }
  }

  public func flipped(_ dimensions: Int...) -> Tensor {
    Tensor.make("flipped", self) { out in dimensions.withSizes { ct_flip(handle, $0, $1, out) } }
  }

  /// Elements moved along a dimension; those that fall out come in again at the other end.
  public func rolled(by shift: Int, along dimension: Int) -> Tensor {
    Tensor.make("rolled", self) { out in
      [shift].withSizes { shifts, _ in
        [dimension].withSizes { ct_roll(handle, shifts, $0, $1, out) }
      }
    }
  }

  /// Each part of a dimension `count` times in a row: a a b b.
  public func repeatingEach(_ count: Int, along dimension: Int = 0) -> Tensor {
    Tensor.make("repeatingEach", self) {
      ct_repeat_interleave(handle, Int64(count), Int64(dimension), $0)
    }
  }

  /// The whole tensor `counts[d]` times along dimension d: a b a b.
  public func tiled(_ counts: Int...) -> Tensor {
    Tensor.make("tiled", self) { out in counts.withSizes { ct_repeat(handle, $0, $1, out) } }
  }

  /// The part of matrices on and below a diagonal; zero elsewhere.
  public func lowerTriangle(diagonal: Int = 0) -> Tensor {
    Tensor.make("lowerTriangle", self) { ct_tril(handle, Int64(diagonal), $0) }
  }

  /// The part of matrices on and above a diagonal; zero elsewhere.
  public func upperTriangle(diagonal: Int = 0) -> Tensor {
    Tensor.make("upperTriangle", self) { ct_triu(handle, Int64(diagonal), $0) }
  }

  /// The main diagonal of the last two dimensions.
  public func diagonal() -> Tensor { Tensor.make("diagonal", self) { ct_diagonal(handle, $0) } }
}

import CTorch

// What layers and losses are made of.

/// How a loss over many elements becomes the result.
public enum LossReduction: Int32, Sendable {
  case none = 0
  case mean = 1
  case sum = 2
}

/// How pixels between pixels are made.
public enum Interpolation: String, Sendable, Codable {
  case bilinear
  case bicubic
}

extension Tensor {
  /// `x W^T + b`, with `weight` `[out, in]` and `bias` `[out]`.
  public func linear(_ weight: Tensor, _ bias: Tensor?) -> Tensor {
    Tensor.make("linear", self, weight, bias) {
      ct_linear(handle, weight.handle, bias?.handle, $0)
    }
  }

  /// The rows of `table` `[V, D]` at these indices (int64).
  public func embedded(in table: Tensor) -> Tensor {
    Tensor.make("embedded", self, table) { ct_embedding(handle, table.handle, $0) }
  }

  /// Convolution of pictures `[B, C, H, W]` with `weight` `[out, C / groups, h, w]`.
  ///
  /// A kernel of one pixel with a stride is computed as one without, on every `stride`-th pixel. That is the
  /// same sum; and oneDNN's own way, on processors without AVX-512, reads and writes out of bounds in the
  /// backward pass for few channels (docs/decisions/0041-layers-on-every-processor.md).
  public func convolved(
    with weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1
  ) -> Tensor {
    if stride > 1 && weight.size(2) == 1 && weight.size(3) == 1 {
      // Channels last, as encoders keep them: the gradient of a slice is laid out in the order of its dimensions,
      // and what is then added to it would be read with strides.
      func everyOther(_ pictures: Tensor) -> Tensor {
        pictures.permuted(0, 2, 3, 1)
          .slice(0..<pictures.size(2), along: 1, by: stride)
          .slice(0..<pictures.size(3), along: 2, by: stride)
          .permuted(0, 3, 1, 2)
      }
      guard padding > 0 else {
        return everyOther(self).convolved(with: weight, bias: bias, groups: groups)
      }
      return everyOther(convolved(with: weight, bias: bias, padding: padding, groups: groups))
    }
    return Tensor.make("convolved", self, weight, bias) {
      ct_conv2d(
        handle, weight.handle, bias?.handle, Int64(stride), Int64(padding), Int64(groups), $0)
    }
  }

  /// Mean 0 and variance 1 over the last dimension, then `weight` and `bias` `[D]`.
  public func layerNormalized(
    weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double
  ) -> Tensor {
    Tensor.make("layerNormalized", self, weight, bias) { out in
      [size(-1)].withSizes {
        ct_layer_norm(handle, $0, $1, weight?.handle, bias?.handle, epsilon, out)
      }
    }
  }

  /// Mean 0 and variance 1 over groups of channels of `[B, C, …]`, then `weight` and `bias` `[C]`.
  public func groupNormalized(
    groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double
  ) -> Tensor {
    Tensor.make("groupNormalized", self, weight, bias) {
      ct_group_norm(handle, Int64(groups), weight?.handle, bias?.handle, epsilon, $0)
    }
  }

  /// Mean 0 and variance 1 of every channel of `[B, C, …]` over the batch, or by running statistics.
  public func batchNormalized(
    weight: Tensor? = nil, bias: Tensor? = nil, runningMean: Tensor?, runningVariance: Tensor?,
    training: Bool, momentum: Double, epsilon: Double
  ) -> Tensor {
    Tensor.make("batchNormalized", self, weight, bias) {
      ct_batch_norm(
        handle, weight?.handle, bias?.handle, runningMean?.handle, runningVariance?.handle,
        training, momentum, epsilon, $0)
    }
  }

  /// Scaled dot-product attention of queries `[B, H, N, d]` over keys and values `[B, H, M, d]`, fused.
  ///
  /// Has no double backward on the CPU: `Attention` has the form that has.
  public func attending(
    to key: Tensor, _ value: Tensor, mask: Tensor? = nil, causal: Bool = false
  ) -> Tensor {
    Tensor.make("attending", self, key, value, mask) {
      ct_attention(handle, key.handle, value.handle, mask?.handle, causal, $0)
    }
  }

  /// Pictures `[B, C, H, W]` in another size.
  public func resized(
    height: Int, width: Int, interpolation: Interpolation = .bilinear, antialias: Bool = true
  ) -> Tensor {
    Tensor.make("resized", self) {
      switch interpolation {
      case .bilinear: ct_interpolate_bilinear(handle, Int64(height), Int64(width), antialias, $0)
      case .bicubic: ct_interpolate_bicubic(handle, Int64(height), Int64(width), antialias, $0)
      }
    }
  }

  /// Means over squares of `size` pixels of pictures `[B, C, H, W]`.
  public func averagePooled(size: Int, stride: Int? = nil) -> Tensor {
    Tensor.make("averagePooled", self) {
      ct_average_pool2d(handle, Int64(size), Int64(stride ?? size), $0)
    }
  }

  /// Cross-entropy of logits `[B, V]` with labels (int64 `[B]`, or probabilities `[B, V]`).
  public func crossEntropy(_ labels: Tensor, reduction: LossReduction = .mean) -> Tensor {
    Tensor.make("crossEntropy", self, labels) {
      ct_cross_entropy(handle, labels.handle, reduction.rawValue, $0)
    }
  }

  /// `d^2 / 2 beta` where `|d| < beta`, `|d| - beta / 2` elsewhere.
  public func smoothL1(
    _ target: Tensor, beta: Double = 1, reduction: LossReduction = .mean
  ) -> Tensor {
    Tensor.make("smoothL1", self, target) {
      ct_smooth_l1(handle, target.handle, beta, reduction.rawValue, $0)
    }
  }

  public func meanSquaredError(_ target: Tensor, reduction: LossReduction = .mean) -> Tensor {
    Tensor.make("meanSquaredError", self, target) {
      ct_mse(handle, target.handle, reduction.rawValue, $0)
    }
  }

  /// The inverse of a symmetric positive definite matrix, by Cholesky's decomposition.
  public func positiveDefiniteInverse() -> Tensor {
    Tensor.make("positiveDefiniteInverse", self) { ct_positive_definite_inverse(handle, $0) }
  }

  /// The singular values of a matrix, greatest first.
  public func singularValues() -> Tensor {
    Tensor.make("singularValues", self) { ct_singular_values(handle, $0) }
  }

  /// Eigenvalues, least first, and eigenvectors (columns) of a symmetric matrix.
  public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
    Tensor.makePair("symmetricEigen", self) { ct_symmetric_eigen(handle, $0, $1) }
  }
}

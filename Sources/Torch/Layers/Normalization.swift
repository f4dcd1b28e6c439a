/// Mean 0 and variance 1 over the last dimension, then a learned scale and shift.
///
/// Ba, Kiros and Hinton 2016, arXiv:1607.06450.
public final class LayerNorm: Module {
  public let weight: Tensor?
  public let bias: Tensor?
  public let epsilon: Double

  /// - Parameters:
  ///   - width: D, channels of a token.
  ///   - epsilon: what is added to the variance before its root is taken.
  ///   - affine: whether scale and shift are learned.
  public init(_ width: Int, epsilon: Double = 1e-6, affine: Bool = true) {
    weight = affine ? Tensor.ones([width]) : nil
    bias = affine ? Tensor.zeros([width]) : nil
    self.epsilon = epsilon
    super.init()
    if let weight { register(parameter: weight, as: "weight") }
    if let bias { register(parameter: bias, as: "bias") }
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.layerNormalized(weight: weight, bias: bias, epsilon: epsilon)
  }
}

/// Mean 0 and variance 1 over groups of channels of each item, then a learned scale and shift.
///
/// Wu and He 2018, arXiv:1803.08494.
public final class GroupNorm: Module {
  public let groups: Int
  public let weight: Tensor
  public let bias: Tensor
  public let epsilon: Double

  public init(groups: Int, channels: Int, epsilon: Double = 1e-5) {
    precondition(channels % groups == 0, "\(channels) channels in \(groups) groups")
    self.groups = groups
    self.epsilon = epsilon
    weight = Tensor.ones([channels])
    bias = Tensor.zeros([channels])
    super.init()
    register(parameter: weight, as: "weight")
    register(parameter: bias, as: "bias")
  }

  /// `[B, C, …]`, unchanged in shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.groupNormalized(groups: groups, weight: weight, bias: bias, epsilon: epsilon)
  }
}

/// Mean 0 and variance 1 of every channel over the batch, then a learned scale and shift.
///
/// In inference it uses the running mean and variance of training. Ioffe and Szegedy 2015,
/// arXiv:1502.03167.
public final class BatchNorm: Module {
  public let weight: Tensor
  public let bias: Tensor
  public let runningMean: Tensor
  public let runningVariance: Tensor
  public let momentum: Double
  public let epsilon: Double

  /// - Parameters:
  ///   - channels: C of the pictures.
  ///   - scale: what the learned scale starts from.
  ///   - momentum: the share of the running statistics that a batch's replace.
  ///   - epsilon: what is added to the variance before its root is taken.
  public init(
    _ channels: Int, scale: Double = 1, momentum: Double = 0.1, epsilon: Double = 1e-5
  ) {
    self.momentum = momentum
    self.epsilon = epsilon
    weight = Tensor.full([channels], scale)
    bias = Tensor.zeros([channels])
    runningMean = Tensor.zeros([channels])
    runningVariance = Tensor.ones([channels])
    super.init()
    register(parameter: weight, as: "weight")
    register(parameter: bias, as: "bias")
    register(buffer: runningMean, as: "running_mean")
    register(buffer: runningVariance, as: "running_var")
  }

  /// `[B, C]` or `[B, C, H, W]`, unchanged in shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    if isTraining, let group { return normalized(x, over: group) }
    let tracked = !isTraining || tracksStatistics
    return x.batchNormalized(
      weight: weight, bias: bias, runningMean: tracked ? runningMean : nil,
      runningVariance: tracked ? runningVariance : nil, training: isTraining, momentum: momentum,
      epsilon: epsilon)
  }

  private func normalized(_ x: Tensor, over group: ProcessGroup) -> Tensor {
    let (normalized, mean, variance) = x.batchNormalized(
      weight: weight, bias: bias, epsilon: epsilon, over: group)
    if tracksStatistics {
      withoutGradient {
        runningMean.move(towards: mean, weight: momentum)
        runningVariance.move(towards: variance, weight: momentum)
      }
    }
    return normalized
  }
}

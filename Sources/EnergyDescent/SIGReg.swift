import Foundation
import Torch

/// Sketched isotropic Gaussian regularization: how far embeddings are from a standard normal
/// distribution, along random directions, by the Epps-Pulley test of normality.
///
///     T_a = N sum_k w_k exp(-t_k^2 / 2) [ (mean_n cos(t_k a.z_n) - exp(-t_k^2 / 2))^2
///                                         + (mean_n sin(t_k a.z_n))^2 ]
///     SIGReg = mean of T_a over directions a
///
/// About 1.0 for N draws from the normal distribution, about 0.41 N at full collapse: a weight lambda
/// should make 0.41 lambda N at least 1.5.
///
/// Balestriero and LeCun 2025, "LeJEPA", arXiv:2511.08544, section 4.
public struct SIGReg: Sendable {
  /// The number of points t_k, from 0 to `range`.
  public let knots: Int
  public let range: Double

  public init(knots: Int = 17, range: Double = 3) {
    precondition(knots >= 2 && range > 0, "SIGReg with \(knots) knots up to \(range)")
    self.knots = knots
    self.range = range
  }

  /// `count` random unit directions, `[D, count]`, to be drawn anew in every step.
  public static func directions(
    _ count: Int, width: Int, using generator: RandomGenerator, device: Device = .cpu
  ) -> Tensor {
    let draws = Tensor.normal([width, count], using: generator)
    return (draws / draws.norm(0, keepingDimensions: true)).to(device: device)
  }

  /// The statistic of embeddings, differentiable once.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, D]`, or `[V, N, D]` for V separate samples.
  ///   - directions: `[D, S]`, of length 1.
  /// - Returns: a scalar: the mean over directions (and samples).
  public func callAsFunction(_ embeddings: Tensor, directions: Tensor) -> Tensor {
    statistics(embeddings, directions: directions).mean()
  }

  /// The statistic of each sample: `[V]`, or `[1]` for embeddings `[N, D]`.
  public func statistics(_ embeddings: Tensor, directions: Tensor) -> Tensor {
    let samples = embeddings.rank == 2 ? embeddings.unsqueezed(0) : embeddings
    precondition(
      samples.rank == 3 && directions.rank == 2 && directions.size(0) == samples.size(2),
      "SIGReg of embeddings \(embeddings.shape) along directions \(directions.shape)")
    let projections = samples.to(.float32).matmul(directions)
    let (values, slopes) = withoutGradient { valuesAndSlopes(projections.detached()) }
    // The slope is known in closed form, so the graph needs only this product: its derivative by the
    // projections is `slopes`, and its value is moved to the statistic's.
    let surrogate = (projections * slopes).sum(1, 2)
    return surrogate + (values - surrogate).detached()
  }

  /// The statistic of projections `[V, N, S]`, `[V]`, and its derivative by them, `[V, N, S]`.
  private func valuesAndSlopes(_ projections: Tensor) -> (values: Tensor, slopes: Tensor) {
    let (count, directions) = (Double(projections.size(1)), Double(projections.size(2)))
    let spacing = range / Double(knots - 1)
    let angle = projections * spacing
    // The knots are equally spaced, so cos(k x) and sin(k x) follow from the two before:
    // f(k + 1) = 2 cos(x) f(k) - f(k - 1). The knot at 0 contributes nothing.
    let (firstCosine, firstSine) = (angle.cos(), angle.sin())
    let twiceCosine = firstCosine * 2
    var cosines = (before: Tensor.ones([], device: projections.device), now: firstCosine)
    var sines = (before: Tensor.zeros([], device: projections.device), now: firstSine)
    var values = Tensor.zeros([projections.size(0)], device: projections.device)
    let slopes = Tensor.zeros(like: projections)
    for k in 1..<knots {
      if k > 1 {
        cosines = (cosines.now, twiceCosine * cosines.now - cosines.before)
        sines = (sines.now, twiceCosine * sines.now - sines.before)
      }
      let t = Double(k) * spacing
      let normal = exp(-t * t / 2)
      let weight = (k == knots - 1 ? 1 : 2) * spacing * normal
      let real = cosines.now.mean(1, keepingDimensions: true) - normal
      let imaginary = sines.now.mean(1, keepingDimensions: true)
      values = values + (real.squared() + imaginary.squared()).sum(1, 2) * weight
      slopes.accumulate(cosines.now, times: imaginary, scale: 2 * weight * t)
      slopes.accumulate(sines.now, times: real, scale: -2 * weight * t)
    }
    slopes.scale(by: 1 / directions)
    return (values * (count / directions), slopes)
  }
}

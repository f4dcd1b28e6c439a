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

  /// About the statistic of `count` embeddings that are all alike.
  package static func collapsed(count: Int) -> Double { 0.41 * Double(count) }

  /// The statistic of embeddings, differentiable once.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, D]`, or `[V, N, D]` for V separate samples.
  ///   - directions: `[D, S]`, of length 1; the same in all processes.
  ///   - shares: how the N embeddings lie on several processes, of which these are this one's; nil for one.
  /// - Returns: a scalar: the mean over directions (and samples), of all processes' embeddings.
  public func callAsFunction(
    _ embeddings: Tensor, directions: Tensor, shares: RowShares? = nil
  ) -> Tensor {
    statistics(embeddings, directions: directions, shares: shares).mean()
  }

  /// The statistic of each sample: `[V]`, or `[1]` for embeddings `[N, D]`.
  public func statistics(
    _ embeddings: Tensor, directions: Tensor, shares: RowShares? = nil
  ) -> Tensor {
    let samples = embeddings.rank == 2 ? embeddings.unsqueezed(0) : embeddings
    precondition(
      samples.rank == 3 && directions.rank == 2 && directions.size(0) == samples.size(2),
      "SIGReg of embeddings \(embeddings.shape) along directions \(directions.shape)")
    let full = samples.inFullPrecision
    let projections = full.matmul(directions.to(full.dtype))
    let (values, slopes) = withoutGradient { valuesAndSlopes(projections.detached(), shares) }
    // The slope is known in closed form, so the graph needs only this product: its derivative by the
    // projections is `slopes`, and its value is moved to the statistic's.
    let surrogate = (projections * slopes).sum(1, 2)
    return surrogate + (values - surrogate).detached()
  }

  private var spacing: Double { range / Double(knots - 1) }

  /// The statistic of projections `[V, N, S]`, `[V]`, and its derivative by them, `[V, N, S]`.
  private func valuesAndSlopes(
    _ projections: Tensor, _ shares: RowShares?
  ) -> (values: Tensor, slopes: Tensor) {
    let (count, directions) = (
      Double(shares?.total ?? projections.size(1)), Double(projections.size(2))
    )
    let meansOfAll = shares.map { means(of: projections, $0) }
    var values = Tensor.zeros([projections.size(0)], device: projections.device)
    let slopes = Tensor.zeros(like: projections)
    // The knot at 0 contributes nothing.
    var waves = Waves(projections * spacing)
    for k in 1..<knots {
      if k > 1 { waves.advance() }
      let t = Double(k) * spacing
      let normal = exp(-t * t / 2)
      let weight = (k == knots - 1 ? 1 : 2) * spacing * normal
      let (cosine, sine) =
        meansOfAll.map { ($0[2 * k - 2], $0[2 * k - 1]) }
        ?? (
          waves.cosine.mean(1, keepingDimensions: true), waves.sine.mean(1, keepingDimensions: true)
        )
      let real = cosine - normal
      values = values + (real.squared() + sine.squared()).sum(1, 2) * weight
      slopes.accumulate(waves.cosine, times: sine, scale: 2 * weight * t)
      slopes.accumulate(waves.sine, times: real, scale: -2 * weight * t)
    }
    // Each process has the statistic in its loss: their sum depends so many times as much on these embeddings.
    slopes.scale(by: Double(shares?.group.worldSize ?? 1) / directions)
    return (values * (count / directions), slopes)
  }

  /// Cosine and sine at each knot but the first, averaged over the embeddings of all processes: `[2 (knots - 1), V, 1, S]`.
  ///
  /// They go around in one piece, and the waves are computed once more for the slopes.
  private func means(of projections: Tensor, _ shares: RowShares) -> Tensor {
    var waves = Waves(projections * spacing)
    var sums: [Tensor] = []
    for k in 1..<knots {
      if k > 1 { waves.advance() }
      sums += [waves.cosine, waves.sine].map { $0.sum(1, keepingDimensions: true) }
    }
    let all = Tensor.stack(sums)
    shares.group.sum([all])
    return all / Double(shares.total)
  }
}

/// cos(k x) and sin(k x) for k = 1, 2, …: the knots are equally spaced, so both follow from the two before,
/// f(k + 1) = 2 cos(x) f(k) - f(k - 1).
private struct Waves {
  private(set) var cosine: Tensor
  private(set) var sine: Tensor
  private var before: (cosine: Tensor, sine: Tensor)
  private let twice: Tensor

  init(_ angle: Tensor) {
    (cosine, sine) = (angle.cos(), angle.sin())
    before = (Tensor.ones([], device: angle.device), Tensor.zeros([], device: angle.device))
    twice = cosine * 2
  }

  mutating func advance() {
    let (nextCosine, nextSine) = (twice * cosine - before.cosine, twice * sine - before.sine)
    before = (cosine, sine)
    (cosine, sine) = (nextCosine, nextSine)
  }
}

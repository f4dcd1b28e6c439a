import EnergyDescent
import Torch

/// Descents of the model under way: a step of training takes some of them one step further, so that the
/// energy is trained where planning goes. No graph spans two steps.
final class RolloutBuffer {
  private let policy: RolloutPolicy
  private let rule: any UpdateRule
  private let generator: RandomGenerator
  /// `[C, A, Z]`
  private(set) var latents: Tensor
  /// For each descent its example, the steps it has had and those it will have.
  private(set) var items: [Int]
  private(set) var ages: [Int]
  private(set) var lifetimes: [Int]

  /// What a checkpoint keeps beside the latents.
  struct State: Codable {
    let items: [Int]
    let ages: [Int]
    let lifetimes: [Int]
  }

  var state: State { State(items: items, ages: ages, lifetimes: lifetimes) }

  /// A buffer of fresh descents.
  ///
  /// - Parameters:
  ///   - candidates: the examples that descents are for.
  ///   - shape: of one answer's latents, `[A, Z]`.
  ///   - rule: how latents move, the same as in planning.
  init(
    _ policy: RolloutPolicy, candidates: [Int], shape: [Int], device: Device,
    rule: any UpdateRule = GradientDescent(), using generator: RandomGenerator
  ) {
    self.policy = policy
    self.rule = rule
    self.generator = generator
    let count = policy.capacity
    latents = Tensor.normal([count] + shape, using: generator).to(device: device)
    let drawn: [Int64] =
      Tensor.integers(in: 0..<candidates.count, [count], using: generator).array()
    items = drawn.map { candidates[Int($0)] }
    ages = [Int](repeating: 0, count: count)
    lifetimes = []
    lifetimes = drawnLifetimes(count)
  }

  /// Goes on from a checkpoint.
  func restore(_ state: State, latents: Tensor) {
    (items, ages, lifetimes) = (state.items, state.ages, state.lifetimes)
    self.latents = latents.to(device: self.latents.device)
  }

  /// Which descents the next step goes on with, all different.
  func draw(_ count: Int) -> [Int] {
    let order = Tensor.permutation(policy.capacity, using: generator)
    let chosen: [Int64] = order.slice(0..<min(count, policy.capacity)).array()
    return chosen.map(Int.init)
  }

  /// Takes descents one step further.
  ///
  /// - Parameters:
  ///   - rows: which, as drawn.
  ///   - directions: what they go against, `[n, A, Z]`.
  ///   - fresh: examples for those that are replaced, at least one.
  func advance(_ rows: [Int], against directions: Tensor, fresh: [Int]) {
    guard !rows.isEmpty else { return }
    withoutGradient {
      let places = Tensor(rows.map(Int64.init)).to(device: latents.device)
      let moved = latents.select(indices: places)
      let (low, high) = policy.stepSizes
      let sizes = Tensor.uniform([rows.count, 1, 1], using: generator) * (high - low) + low
      rule.update(
        [moved], against: [directions * sizes.to(device: latents.device)], stepSize: 1)
      latents.assign(noised(moved), at: places)

      for row in rows { ages[row] += 1 }
      let over = rows.filter { ages[$0] >= lifetimes[$0] }
      guard !over.isEmpty else { return }
      let noise = Tensor.normal([over.count] + latents.shape.dropFirst(), using: generator)
      latents.assign(
        noise.to(device: latents.device),
        at: Tensor(over.map(Int64.init)).to(device: latents.device))
      for (row, lifetime) in zip(over, drawnLifetimes(over.count)) {
        items[row] = fresh[row % fresh.count]
        ages[row] = 0
        lifetimes[row] = lifetime
      }
    }
  }

  /// `sqrt(1 - s^2) z + s noise`, s drawn for each item.
  private func noised(_ moved: Tensor) -> Tensor {
    guard policy.noise > 0 else { return moved }
    let strengths =
      (Tensor.uniform([moved.size(0), 1, 1], using: generator) * policy.noise)
      .to(device: moved.device)
    let noise = Tensor.normal(moved.shape, using: generator).to(device: moved.device)
    return moved * (1 - strengths.squared()).sqrt() + noise * strengths
  }

  private func drawnLifetimes(_ count: Int) -> [Int] {
    let range = policy.lifetimes.low..<policy.lifetimes.high + 1
    let drawn: [Int64] = Tensor.integers(in: range, [count], using: generator).array()
    return drawn.map(Int.init)
  }
}

extension RolloutBuffer {
  /// Where some descents stand, `[n, A, Z]`, copied.
  func latents(at rows: [Int]) -> Tensor {
    latents.select(indices: Tensor(rows.map(Int64.init)).to(device: latents.device))
  }
}

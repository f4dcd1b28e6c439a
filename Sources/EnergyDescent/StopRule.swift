import Torch

/// What is known of the items that still move, when a stop rule is asked.
public struct Observation {
  /// How many updates the items had: 0 at the start.
  public let step: Int
  /// The items' numbers in the batch, int64 `[n]`.
  public let items: Tensor
  /// The variables' values, each `[n, …]`.
  public let variables: [Tensor]
  /// What is predicted of them, F(z), where residuals are followed: where a full step would lead. Else
  /// empty.
  public let predictions: [Tensor]
  /// `[n]`
  public let energies: Tensor
}

/// Says which items are done. Rules compose: an item stops at the first that says so.
public protocol StopRule: AnyObject {
  /// Why an item stopped, in a word: `verified`, `plateau`, …
  var reason: String { get }

  /// Whether an item that stops by this rule has found what it looked for: all others of its race stop with
  /// it.
  var wins: Bool { get }

  /// Bool `[n]`: true for each item that is to stop here.
  func stops(_ observation: Observation) -> Tensor

  /// From now on the observed items are only these rows (int64 `[m]`) of the last observation.
  func keep(rows: Tensor)
}

extension StopRule {
  public var wins: Bool { false }
  public func keep(rows: Tensor) {}
}

/// Stops an item whose energy has not fallen by `tolerance` for `patience` steps.
public final class Plateau: StopRule {
  public let reason = "plateau"
  private let tolerance: Double
  private let patience: Int
  private var best: Tensor?
  private var stale: Tensor?

  public init(tolerance: Double, patience: Int) {
    self.tolerance = tolerance
    self.patience = patience
  }

  public func stops(_ observation: Observation) -> Tensor {
    let energies = observation.energies
    guard observation.step > 0, let best, let stale else {
      best = energies
      stale = Tensor.zeros(like: energies)
      return energies.isNaN()
    }
    let improved = energies .< (best - tolerance)
    self.best = energies.choose(where: improved, else: best)
    let waited = (stale + 1).filled(with: 0, where: improved)
    self.stale = waited
    return waited .>= Double(patience)
  }

  public func keep(rows: Tensor) {
    best = best?.select(indices: rows)
    stale = stale?.select(indices: rows)
  }
}

/// Stops every item after so many updates.
public final class StepBudget: StopRule {
  public let reason = "budget"
  private let steps: Int

  public init(_ steps: Int) { self.steps = steps }

  public func stops(_ observation: Observation) -> Tensor {
    Tensor.full(
      observation.energies.shape, observation.step >= steps ? 1 : 0, dtype: .bool,
      device: observation.energies.device)
  }
}

import Torch

/// Where a descent ended, and how it got there.
public struct Descent {
  /// The variables' final values, each `[B, …]`.
  public let values: [Tensor]
  /// The energy of each item at the end, `[B]`.
  public let energies: [Double]
  /// For each item its energy before every update and at the end: `steps[item] + 1` numbers.
  public let traces: [[Double]]
  /// For each item the number of updates it took.
  public let steps: [Int]
  /// For each item how often its energy was computed.
  public let evaluations: [Int]
  /// For each item how many of its evaluations were followed by the gradient: none of a point at which it
  /// stopped, or which was taken back.
  public let gradients: [Int]
  /// For each item the `reason` of the rule that stopped it, or `lost`.
  public let reasons: [String]
  /// The variables at every step, where the minimizer records them; else empty.
  public let waypoints: [Waypoint]
}

/// Where the items that still moved stood after so many updates.
public struct Waypoint {
  public let step: Int
  /// The items' numbers in the batch, ascending.
  public let items: [Int]
  /// The variables' values, each `[n, …]`.
  public let variables: [Tensor]
  /// The energy of each of the items.
  public let energies: [Double]
}

/// What a descent writes down of each item of its batch.
struct DescentRecord {
  let values: [Tensor]
  private(set) var traces: [[Double]]
  private var steps: [Int]
  private var evaluations: [Int]
  private var gradients: [Int]
  private var reasons: [String]
  private var waypoints: [Waypoint] = []

  /// - Parameter start: the variables' first values, which stay as they are.
  init(from start: [Tensor]) {
    values = start.map { $0.detached().clone() }
    let count = start[0].size(0)
    traces = [[Double]](repeating: [], count: count)
    steps = [Int](repeating: 0, count: count)
    evaluations = steps
    gradients = steps
    reasons = [String](repeating: "", count: count)
  }

  mutating func note(_ energies: [Double], of items: [Int]) {
    for (item, energy) in zip(items, energies) { traces[item].append(energy) }
  }

  mutating func note(_ waypoint: Waypoint) { waypoints.append(waypoint) }

  mutating func countEvaluations(of items: [Int]) { for item in items { evaluations[item] += 1 } }

  mutating func countGradients(of items: [Int]) { for item in items { gradients[item] += 1 } }

  mutating func end(_ item: Int, after step: Int, because reason: String) {
    steps[item] = step
    reasons[item] = reason
  }

  var descent: Descent {
    Descent(
      values: values, energies: traces.map { $0.last ?? .nan }, traces: traces, steps: steps,
      evaluations: evaluations, gradients: gradients, reasons: reasons, waypoints: waypoints)
  }
}

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
  /// For each item the `reason` of the rule that stopped it.
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

/// Makes energies small by varying tensors: one item may need two steps and its neighbour two hundred.
///
/// Items stop one by one, and a finished item costs nothing more: the energy is evaluated for the rest
/// only.
public struct Minimizer {
  private let makeRule: () -> any UpdateRule
  private let schedule: Schedule
  private let maximumSteps: Int
  private let makeStopRules: () -> [any StopRule]
  private let halvesStepWhenEnergyRises: Bool
  private let recordsWaypoints: Bool

  /// - Parameters:
  ///   - rule: how variables move.
  ///   - schedule: the step size over the course of `maximumSteps`.
  ///   - maximumSteps: no item gets more updates.
  ///   - halvesStepWhenEnergyRises: an item whose energy rose goes back and tries half the way. For rules
  ///     whose step is proportional to the gradient.
  ///   - recordsWaypoints: whether the descent keeps a copy of the variables at every step.
  ///   - stopRules: when an item is done before; the first that fires is the reason.
  public init(
    rule: @escaping @autoclosure () -> any UpdateRule, schedule: Schedule, maximumSteps: Int,
    halvesStepWhenEnergyRises: Bool = false, recordsWaypoints: Bool = false,
    stopRules: @escaping @autoclosure () -> [any StopRule] = []
  ) {
    precondition(maximumSteps >= 0, "a descent of \(maximumSteps) steps")
    self.makeRule = rule
    self.schedule = schedule
    self.maximumSteps = maximumSteps
    self.makeStopRules = stopRules
    self.halvesStepWhenEnergyRises = halvesStepWhenEnergyRises
    self.recordsWaypoints = recordsWaypoints
  }

  /// Descends from `start`.
  ///
  /// - Parameters:
  ///   - energy: what is made small.
  ///   - start: the variables' first values, each `[B, …]`; they are not changed.
  ///   - progress: is told after each update how many there were.
  /// - Returns: the final values, and the record of each item.
  public func minimize(
    _ energy: some Energy, from start: [Tensor], progress: (_ steps: Int) -> Void = { _ in }
  ) -> Descent {
    precondition(!start.isEmpty, "a descent needs something to vary")
    let count = start[0].size(0)
    precondition(
      start.allSatisfy { $0.size(0) == count },
      "variables of different numbers of items: \(start.map(\.shape))")

    let rule = makeRule()
    let stopRules = makeStopRules() + [StepBudget(maximumSteps)]
    let device = start[0].device
    let final = start.map { $0.detached().clone() }
    var traces = [[Double]](repeating: [], count: count)
    var steps = [Int](repeating: 0, count: count)
    var reasons = [String](repeating: "", count: count)
    var waypoints: [Waypoint] = []

    var active = Array(0..<count)
    var moving = Moving(
      variables: final.map { $0.clone() }, scale: Tensor.ones([count], device: device))
    var before: (moving: Moving, energies: Tensor, gradients: [Tensor])?
    var step = 0

    while !active.isEmpty {
      let items = Tensor(active.map(Int64.init)).to(device: device)
      var (energies, gradients) = Self.evaluate(energy, moving.variables, items)
      if halvesStepWhenEnergyRises, let before {
        // Also where it is not a number any more.
        let rose = .!(energies .<= before.energies)
        moving.goBack(to: before.moving.variables, where: rose)
        gradients = zip(gradients, before.gradients).map { Self.choose(rose, $1, else: $0) }
        energies = before.energies.choose(where: rose, else: energies)
      }
      let values = energies.to(.float64).array(of: Double.self)
      for (item, value) in zip(active, values) { traces[item].append(value) }
      if recordsWaypoints {
        waypoints.append(
          Waypoint(
            step: step, items: active, variables: moving.variables.map { $0.clone() },
            energies: values))
      }

      let observation = Observation(
        step: step, items: items, variables: moving.variables, energies: energies)
      let verdicts = stopRules.map { rule in
        withoutGradient { rule.stops(observation).array(of: Bool.self) }
      }
      let stopping = active.indices.map { row in verdicts.firstIndex { $0[row] } }
      let finished = stopping.indices.filter { stopping[$0] != nil }
      let going = stopping.indices.filter { stopping[$0] == nil }
      for row in finished {
        steps[active[row]] = step
        reasons[active[row]] = stopRules[stopping[row]!].reason
      }

      if !finished.isEmpty {
        let rows = Tensor(finished.map(Int64.init)).to(device: device)
        for (whole, part) in zip(final, moving.variables) {
          whole.assign(part.select(indices: rows), at: items.select(indices: rows))
        }
        if going.isEmpty { break }
        let kept = Tensor(going.map(Int64.init)).to(device: device)
        moving.keep(rows: kept)
        energies = energies.select(indices: kept)
        gradients = gradients.map { $0.select(indices: kept) }
        rule.keep(rows: kept)
        for rule in stopRules { rule.keep(rows: kept) }
        active = going.map { active[$0] }
      }

      if halvesStepWhenEnergyRises { before = (moving.copy(), energies, gradients) }
      let scaled =
        halvesStepWhenEnergyRises
        ? gradients.map { $0 * Self.perItem(moving.scale, like: $0) } : gradients
      rule.update(
        moving.variables, against: scaled,
        stepSize: schedule.value(at: Double(step) / Double(max(maximumSteps, 1))))
      step += 1
      progress(step)
    }
    return Descent(
      values: final, energies: traces.map { $0.last ?? .nan }, traces: traces, steps: steps,
      reasons: reasons, waypoints: waypoints)
  }

  /// The variables of the items that still move, and what each item's steps are multiplied by.
  private struct Moving {
    var variables: [Tensor]
    var scale: Tensor

    mutating func goBack(to earlier: [Tensor], where rose: Tensor) {
      variables = zip(variables, earlier).map { Minimizer.choose(rose, $1, else: $0) }
      scale = (scale * 0.5).choose(where: rose, else: scale)
    }

    mutating func keep(rows: Tensor) {
      variables = variables.map { $0.select(indices: rows) }
      scale = scale.select(indices: rows)
    }

    func copy() -> Moving { Moving(variables: variables.map { $0.clone() }, scale: scale) }
  }

  /// The energies `[n]` of the given rows and their gradients; each item's gradient is its own.
  private static func evaluate(
    _ energy: some Energy, _ variables: [Tensor], _ items: Tensor
  ) -> (energies: Tensor, gradients: [Tensor]) {
    withGradient {
      let leaves = variables.map { $0.detached().requiringGradient() }
      let energies = energy.energies(of: leaves, items: items)
      precondition(
        energies.shape == items.shape,
        "an energy of shape \(energies.shape) for \(items.size(0)) items")
      let gradients = gradients(of: [energies.sum()], withRespectTo: leaves)
      return (
        energies.detached(), zip(gradients, leaves).map { $0?.detached() ?? Tensor.zeros(like: $1) }
      )
    }
  }

  /// `[n]` numbers shaped to multiply `[n, …]`.
  private static func perItem(_ numbers: Tensor, like tensor: Tensor) -> Tensor {
    numbers.to(numbers.dtype == .bool ? .bool : tensor.dtype)
      .reshaped([numbers.size(0)] + Array(repeating: 1, count: tensor.rank - 1))
  }

  private static func choose(_ mask: Tensor, _ first: Tensor, else second: Tensor) -> Tensor {
    first.choose(where: perItem(mask, like: first), else: second)
  }
}

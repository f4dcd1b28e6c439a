import Torch

/// Makes energies small by varying tensors: one item may need two steps and its neighbour two hundred.
///
/// Items stop one by one, and a finished item costs nothing more: the energy is evaluated for the rest
/// only. What it costs to go on (a gradient) is paid after the stop rules were asked, and only if an item goes on.
public struct Minimizer {
  private let makeRule: () -> any UpdateRule
  private let schedule: Schedule
  private let maximumSteps: Int
  private let makeStopRules: () -> [any StopRule]
  private let halvesStepWhenEnergyRises: Bool
  private let window: Int
  private let recordsWaypoints: Bool

  /// - Parameters:
  ///   - rule: how variables move.
  ///   - schedule: the step size over the course of `maximumSteps`.
  ///   - maximumSteps: no item gets more updates.
  ///   - halvesStepWhenEnergyRises: an item whose energy rose goes back and tries half the way. For rules
  ///     whose step is proportional to what it goes along.
  ///   - window: an energy has risen when it is above the greatest of so many before. One is the usual rule;
  ///     more let an energy rise for a while (Grippo, Lampariello and Lucidi 1986, "A nonmonotone line search
  ///     technique for Newton's method").
  ///   - recordsWaypoints: whether the descent keeps a copy of the variables at every step.
  ///   - stopRules: when an item is done before; the first that fires is the reason.
  public init(
    rule: @escaping @autoclosure () -> any UpdateRule, schedule: Schedule, maximumSteps: Int,
    halvesStepWhenEnergyRises: Bool = false, window: Int = 1, recordsWaypoints: Bool = false,
    stopRules: @escaping @autoclosure () -> [any StopRule] = []
  ) {
    precondition(maximumSteps >= 0, "a descent of \(maximumSteps) steps")
    precondition(window >= 1, "a window of \(window) energies")
    self.makeRule = rule
    self.schedule = schedule
    self.maximumSteps = maximumSteps
    self.makeStopRules = stopRules
    self.halvesStepWhenEnergyRises = halvesStepWhenEnergyRises
    self.window = window
    self.recordsWaypoints = recordsWaypoints
  }

  /// Descends from `start` against the energy's gradient.
  ///
  /// - Parameters:
  ///   - energy: what is made small.
  ///   - start: the variables' first values, each `[B, …]`; they are not changed.
  ///   - races: for each item the race it takes part in: where one stops by a rule that `wins`, the others of
  ///     the same number stop too, with the reason `lost`. Empty where each goes by itself.
  ///   - progress: is told after each update how many there were.
  /// - Returns: the final values, and the record of each item.
  public func minimize(
    _ energy: some Energy, from start: [Tensor], races: [Int] = [],
    progress: (_ steps: Int) -> Void = { _ in }
  ) -> Descent {
    descend(from: start, races: races, progress: progress, fallback: nil) { variables, items in
      Self.evaluation(of: energy, variables, items)
    }
  }

  /// Descends from `start` along what is left between variables and their predictions, r = z - F(z). No
  /// derivative is taken, so a step costs one evaluation of the energy.
  ///
  /// A residual need not lead down. With `halvesStepWhenEnergyRises` an item whose energy rose twice in a row
  /// goes along the gradient instead, until that made the energy lower. Steps that were halved grow again
  /// by a factor of two with every one that is not taken back.
  ///
  /// - Parameters: as those of `minimize(_:from:races:progress:)`.
  public func minimize(
    _ energy: some ResidualEnergy, alongResidualsFrom start: [Tensor], races: [Int] = [],
    progress: (_ steps: Int) -> Void = { _ in }
  ) -> Descent {
    let fallback = { Self.evaluation(of: energy, $0, $1).directions() }
    return descend(from: start, races: races, progress: progress, fallback: fallback) {
      variables, items in
      withoutGradient {
        let (residuals, predictions) = energy.residuals(of: variables, items: items)
        return Evaluation(
          energies: type(of: energy).energies(of: residuals), predictions: predictions,
          needsGradient: false, directions: { residuals })
      }
    }
  }

  /// The energies of the items that move, and what is needed to go on.
  private struct Evaluation {
    /// `[n]`
    let energies: Tensor
    /// F(z), where there is one.
    let predictions: [Tensor]
    let needsGradient: Bool
    /// What the variables go against; computed when it is asked for.
    let directions: () -> [Tensor]
  }

  private static func evaluation(
    of energy: some Energy, _ variables: [Tensor], _ items: Tensor
  ) -> Evaluation {
    let leaves = variables.map { $0.detached().requiringGradient() }
    let (energies, total) = withGradient { () -> (Tensor, Tensor) in
      let energies = energy.energies(of: leaves, items: items)
      precondition(
        energies.shape == items.shape,
        "an energy of shape \(energies.shape) for \(items.size(0)) items")
      return (energies, energies.sum())
    }
    return Evaluation(energies: energies.detached(), predictions: [], needsGradient: true) {
      // Each item's gradient is its own.
      zip(gradients(of: [total], withRespectTo: leaves), leaves)
        .map { $0?.detached() ?? Tensor.zeros(like: $1) }
    }
  }

  private func descend(
    from start: [Tensor], races: [Int], progress: (_ steps: Int) -> Void,
    fallback: (([Tensor], Tensor) -> [Tensor])?,
    evaluating evaluate: ([Tensor], Tensor) -> Evaluation
  ) -> Descent {
    precondition(!start.isEmpty, "a descent needs something to vary")
    let count = start[0].size(0)
    precondition(
      start.allSatisfy { $0.size(0) == count },
      "variables of different numbers of items: \(start.map(\.shape))")
    precondition(races.isEmpty || races.count == count, "\(races.count) races for \(count) items")

    let rule = makeRule()
    let stopRules = makeStopRules() + [StepBudget(maximumSteps)]
    let device = start[0].device
    var record = DescentRecord(from: start)
    var moving = MovingItems(record.values.map { $0.clone() }, window: window)
    var step = 0

    while !moving.isEmpty {
      let items = Tensor(moving.numbers.map(Int64.init)).to(device: device)
      let evaluation = evaluate(moving.variables, items)
      record.countEvaluations(of: moving.numbers)
      let rose = moving.arrive(
        at: evaluation.energies, predictions: evaluation.predictions,
        goingBack: halvesStepWhenEnergyRises)
      let values = moving.energies.to(.float64, device: .cpu).array(of: Double.self)
      record.note(values, of: moving.numbers)
      if recordsWaypoints {
        record.note(
          Waypoint(
            step: step, items: moving.numbers, variables: moving.variables.map { $0.clone() },
            energies: values))
      }

      let reasons = Self.reasons(
        stopRules,
        Observation(
          step: step, items: items, variables: moving.variables,
          predictions: moving.predictions, energies: moving.energies),
        races: races.isEmpty ? [] : moving.numbers.map { races[$0] })
      let going = reasons.indices.filter { reasons[$0] == nil }
      for (row, reason) in reasons.enumerated() {
        if let reason { record.end(moving.numbers[row], after: step, because: reason) }
      }
      if going.count < reasons.count {
        let finished = Tensor(reasons.indices.filter { reasons[$0] != nil }.map(Int64.init))
          .to(device: device)
        for (whole, part) in zip(record.values, moving.variables) {
          whole.assign(part.select(indices: finished), at: items.select(indices: finished))
        }
        if going.isEmpty { break }
      }

      // Where an energy rose, the way there is tried again, half as far: nothing is derived anew.
      let fresh = going.filter { !rose[$0] }
      if !fresh.isEmpty {
        moving.turn(to: evaluation.directions(), where: rose.map { !$0 })
        if evaluation.needsGradient { record.countGradients(of: fresh.map { moving.numbers[$0] }) }
      }
      if going.count < reasons.count {
        let kept = Tensor(going.map(Int64.init)).to(device: device)
        moving.keep(going, rows: kept)
        rule.keep(rows: kept)
        for rule in stopRules { rule.keep(rows: kept) }
      }
      if let fallback, halvesStepWhenEnergyRises {
        let failed = moving.rowsThatFailed
        if !failed.isEmpty {
          let numbers = failed.map { moving.numbers[$0] }
          moving.turnToGradient(failed) {
            fallback($0, Tensor(numbers.map(Int64.init)).to(device: device))
          }
          record.countEvaluations(of: numbers)
          record.countGradients(of: numbers)
        }
      }
      moving.leave()
      rule.update(
        moving.variables, against: moving.scaledDirections,
        stepSize: schedule.value(at: Double(step) / Double(max(maximumSteps, 1))))
      step += 1
      progress(step)
    }
    return record.descent
  }

  /// Why each of the observed items stops; nil for those that go on.
  private static func reasons(
    _ rules: [any StopRule], _ observation: Observation, races: [Int]
  ) -> [String?] {
    let verdicts = rules.map { rule in
      withoutGradient { rule.stops(observation).to(device: .cpu).array(of: Bool.self) }
    }
    let stopping = (0..<observation.items.size(0)).map { row in
      verdicts.firstIndex { $0[row] }
    }
    let won = Set(
      zip(races, stopping).compactMap { race, rule in
        rule.flatMap { rules[$0].wins ? race : nil }
      })
    return stopping.enumerated().map { row, rule in
      rule.map { rules[$0].reason } ?? (!won.isEmpty && won.contains(races[row]) ? "lost" : nil)
    }
  }
}

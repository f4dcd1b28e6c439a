import EnergyDescent
import Testing
import Torch

/// Descents over latents whose minima are known.
@Suite struct MinimizerTests {
  /// Counts the rows that an energy is asked for.
  final class CountingEnergy: Energy {
    private let body: ([Tensor], Tensor) -> Tensor
    private(set) var rows: [Int] = []
    private(set) var items: [[Int64]] = []

    init(_ body: @escaping ([Tensor], Tensor) -> Tensor) { self.body = body }

    func energies(of variables: [Tensor], items: Tensor) -> Tensor {
      rows.append(items.size(0))
      self.items.append(items.array())
      return body(variables, items)
    }
  }

  /// Stops an item whose energy is low enough.
  final class Below: StopRule {
    let reason = "below"
    private let threshold: Double

    init(_ threshold: Double) { self.threshold = threshold }

    func stops(_ observation: Observation) -> Tensor { observation.energies .< threshold }
  }

  /// `curvature_i / 2 |z_i - target|^2`
  static func quadratic(curvatures: [Double], target: Double = 2) -> CountingEnergy {
    let table = Tensor(curvatures)
    return CountingEnergy { variables, items in
      (variables[0] - target).squared().sum(1) * table.select(indices: items) * 0.5
    }
  }

  static func start(_ count: Int, _ value: Double = 0, width: Int = 3) -> Tensor {
    Tensor.full([count, width], value, dtype: .float64)
  }

  @Test func gradientDescentFollowsTheQuadraticsFormula() {
    // Each step multiplies the distance to the minimum by 1 - step size * curvature.
    let minimizer = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 20)
    let start = Self.start(1)
    let descent = minimizer.minimize(Self.quadratic(curvatures: [3]), from: [start])
    for (step, energy) in descent.traces[0].enumerated() {
      var distance = 2.0
      for _ in 0..<step { distance *= 0.7 }
      #expect(abs(energy - 0.5 * 3 * 3 * distance * distance) < 1e-12)
    }
    #expect(descent.traces[0].count == 21)
    #expect(descent.steps == [20])
    #expect(descent.reasons == ["budget"])
    #expect(descent.energies[0] == descent.traces[0].last)
    #expect(start.array(of: Double.self) == [0, 0, 0], "the start is the caller's")
  }

  @Test func adamWFindsRosenbrocksMinimum() {
    // f(x, y) = (1 - x)^2 + 100 (y - x^2)^2, least at (1, 1), in a long curved valley.
    let energy = CountingEnergy { variables, _ in
      let (x, y) = (variables[0].select(0, along: 1), variables[0].select(1, along: 1))
      return (1 - x).squared() + (y - x.squared()).squared() * 100
    }
    let minimizer = Minimizer(
      rule: AdamW(), schedule: Schedule(peak: 0.05, end: 1e-3), maximumSteps: 4000,
      stopRules: [Below(1e-6)])
    let start = Tensor([-1.2, 1, 0, 0] as [Double], shape: [2, 2])
    let descent = minimizer.minimize(energy, from: [start])
    #expect(descent.reasons == ["below", "below"])
    for value in descent.values[0].array(of: Double.self) { #expect(abs(value - 1) < 5e-3) }
  }

  @Test func severalVariablesAreFoundTogether() {
    let energy = CountingEnergy { variables, _ in
      (variables[0] - 1).squared().sum(1) + (variables[1] + 2).squared().sum(1, 2)
    }
    let minimizer = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.25), maximumSteps: 100,
      stopRules: [Below(1e-13)])
    let descent = minimizer.minimize(
      energy, from: [Self.start(2), Tensor.zeros([2, 2, 2], dtype: .float64)])
    #expect(descent.reasons == ["below", "below"])
    #expect((descent.values[0] - 1).abs().max().item() < 1e-6)
    #expect((descent.values[1] + 2).abs().max().item() < 1e-6)
  }

  @Test func hardItemsTakeMoreStepsAndFinishedOnesCostNothing() {
    let curvatures = [8.0, 0.5, 4, 1]
    let energy = Self.quadratic(curvatures: curvatures)
    let minimizer = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 1000,
      stopRules: [Below(1e-6)])
    let descent = minimizer.minimize(energy, from: [Self.start(4)])
    let order = descent.steps.indices.sorted { descent.steps[$0] < descent.steps[$1] }
    #expect(order == [0, 2, 3, 1], "compute follows difficulty: \(descent.steps)")
    #expect(descent.energies.allSatisfy { $0 < 1e-6 })
    // Each item is asked for once before each of its updates and once at its end; never again.
    #expect(energy.rows.reduce(0, +) == descent.steps.reduce(0) { $0 + $1 + 1 })
    for (item, steps) in descent.steps.enumerated() {
      #expect(energy.items.count { $0.contains(Int64(item)) } == steps + 1)
      #expect(descent.traces[item].count == steps + 1)
    }
    // And an item ends as if it had been alone.
    for item in 0..<4 {
      let alone = minimizer.minimize(
        Self.quadratic(curvatures: [curvatures[item]]), from: [Self.start(1)])
      #expect(alone.steps == [descent.steps[item]])
      #expect(alone.traces[0] == descent.traces[item])
      #expect(
        alone.values[0].array(of: Double.self)
          == descent.values[0][item].array(of: Double.self))
    }
  }

  @Test(arguments: [true, false])
  func rulesWithMemoryServeEachItemAsIfAlone(usesAdamW: Bool) {
    // Items leave in the middle: the rule's moments must leave with them.
    func minimize(_ curvatures: [Double]) -> Descent {
      Minimizer(
        rule: usesAdamW ? AdamW() : GradientDescent(), schedule: .constant(0.05),
        maximumSteps: 400,
        stopRules: [Below(1e-3), Plateau(tolerance: 0, patience: 3)]
      ).minimize(Self.quadratic(curvatures: curvatures), from: [Self.start(curvatures.count)])
    }
    let curvatures = [5.0, 0.2, 1]
    let together = minimize(curvatures)
    for (item, curvature) in curvatures.enumerated() {
      let alone = minimize([curvature])
      #expect(alone.steps[0] == together.steps[item])
      #expect(alone.reasons[0] == together.reasons[item])
      #expect(abs(alone.energies[0] - together.energies[item]) < 1e-9)
    }
  }

  @Test func aRisingEnergyHalvesTheStep() {
    // 0.1 * 50 > 2: plain descent diverges, and halving finds a length that converges.
    let plain = Minimizer(rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 60)
      .minimize(Self.quadratic(curvatures: [50]), from: [Self.start(1)])
    #expect(plain.energies[0] > plain.traces[0][0])

    let halving = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 60,
      halvesStepWhenEnergyRises: true
    ).minimize(Self.quadratic(curvatures: [50, 1]), from: [Self.start(2)])
    #expect(halving.energies[0] < 1e-6)
    for (earlier, later) in zip(halving.traces[0], halving.traces[0].dropFirst()) {
      #expect(later <= earlier, "an energy that rose is taken back")
    }
    // The easy item's steps stay as long as they were.
    let alone = Minimizer(rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 60)
      .minimize(Self.quadratic(curvatures: [1]), from: [Self.start(1)])
    #expect(halving.traces[1] == alone.traces[0])
  }

  @Test func waypointsAreWhereEachItemWasAtEveryStep() {
    func descend(records: Bool) -> Descent {
      Minimizer(
        rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 30,
        recordsWaypoints: records, stopRules: [Below(1e-2)]
      ).minimize(Self.quadratic(curvatures: [8, 1]), from: [Self.start(2)])
    }
    let descent = descend(records: true)
    #expect(descent.waypoints.map(\.step) == Array(0...descent.steps.max()!))
    for item in 0..<2 {
      let visited = descent.waypoints.filter { $0.items.contains(item) }
      let rows = visited.map { $0.items.firstIndex(of: item)! }
      #expect(zip(visited, rows).map { $0.energies[$1] } == descent.traces[item])
      let last = visited.last!.variables[0][rows.last!].array(of: Double.self)
      #expect(last == descent.values[0][item].array(of: Double.self))
    }
    #expect(descent.steps[0] < descent.steps[1], "an item that stopped is not recorded further")
    #expect(descend(records: false).waypoints.isEmpty)
  }

  @Test func progressIsToldAfterEveryUpdate() {
    var told: [Int] = []
    let descent = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 30,
      stopRules: [Below(1e-2)]
    ).minimize(Self.quadratic(curvatures: [8, 1]), from: [Self.start(2)]) { told.append($0) }
    #expect(told == Array(1...descent.steps.max()!))
  }

  // MARK: Stop rules

  private func reason(
    _ rules: [any StopRule], curvature: Double = 1, steps: Int = 50, from value: Double = 0
  ) -> (reason: String, steps: Int) {
    let descent = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: steps,
      stopRules: rules
    ).minimize(Self.quadratic(curvatures: [curvature]), from: [Self.start(1, value)])
    return (descent.reasons[0], descent.steps[0])
  }

  @Test func everyRuleSaysWhyItStopped() {
    #expect(reason([]) == ("budget", 50))
    #expect(reason([], steps: 0) == ("budget", 0))
    #expect(reason([StepBudget(7)]) == ("budget", 7))
    #expect(reason([Below(0.1)]).reason == "below")
    // At the minimum already: no step is taken.
    #expect(reason([Below(1e-3)], from: 2) == ("below", 0))
    // An energy that does not move is stale `patience` steps later.
    #expect(reason([Plateau(tolerance: 1e-9, patience: 4)], from: 2) == ("plateau", 4))
    // Gains below the tolerance do not count as falling.
    #expect(reason([Plateau(tolerance: 100, patience: 3)]) == ("plateau", 3))
  }

  @Test func theFirstRuleThatFiresIsTheReason() {
    let rules: [any StopRule] = [
      Plateau(tolerance: 0, patience: 10), Below(1e9), StepBudget(0),
    ]
    #expect(reason(rules) == ("below", 0))
    #expect(reason(rules.reversed()) == ("budget", 0))
  }

  @Test func plateausAreToldItemByItem() {
    // The first item starts at its minimum, the second comes near it slowly.
    let start = Tensor([2, 2, 2, 0, 0, 0] as [Double], shape: [2, 3])
    let descent = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 500,
      stopRules: [Plateau(tolerance: 1e-9, patience: 5)]
    ).minimize(Self.quadratic(curvatures: [1, 1]), from: [start])
    #expect(descent.reasons == ["plateau", "plateau"])
    #expect(descent.steps[0] == 5)
    #expect(descent.steps[1] > 50)
  }

  @Test func energiesThatAreNotNumbersStopTheirItemOnly() {
    let energy = CountingEnergy { variables, items in
      let broken = Tensor([Double.nan, 0]).select(indices: items)
      return (variables[0] - 2).squared().sum(1) + broken
    }
    let descent = Minimizer(
      rule: GradientDescent(), schedule: .constant(0.1), maximumSteps: 200,
      stopRules: [Below(1e-6), Plateau(tolerance: 0, patience: 3)]
    ).minimize(energy, from: [Self.start(2)])
    #expect(descent.reasons == ["plateau", "below"])
    #expect(descent.steps[0] == 0)
    #expect(descent.energies[0].isNaN)
    #expect(descent.energies[1] < 1e-6)
  }

  @Test func energiesThatBecomeNaNStop() {
    let energy = CountingEnergy { variables, _ in
      let z = variables[0].sum(1)
      return z.filled(with: .nan, where: z .>= 0.5)
    }
    let descent = Minimizer(
      rule: GradientDescent(), schedule: .constant(-0.1), maximumSteps: 100,
      stopRules: [Plateau(tolerance: 0, patience: 3)]
    ).minimize(energy, from: [Self.start(1)])
    #expect(descent.reasons == ["plateau"])
    #expect(descent.steps[0] < 10)
  }

  @Test func wrongUseTraps() async {
    await #expect(processExitsWith: .failure) {
      _ = Minimizer(rule: GradientDescent(), schedule: .constant(1), maximumSteps: 1)
        .minimize(CountingEnergy { z, _ in z[0].sum() }, from: [Tensor.zeros([2, 2])])
    }
    await #expect(processExitsWith: .failure) {
      _ = Minimizer(rule: GradientDescent(), schedule: .constant(1), maximumSteps: 1)
        .minimize(
          CountingEnergy { z, _ in z[0].sum(1) },
          from: [Tensor.zeros([2, 2]), Tensor.zeros([3, 2])])
    }
  }
}

import ArgumentParser
import TextPlanner

extension PlannerDirection: ExpressibleByArgument {}

/// How a command's plans are looked for.
struct PlanningArguments: ParsableArguments {
  @Option(help: "What the latents move along; by default what the model was trained for.")
  var along: PlannerDirection?

  @Option(help: "Updates of one start at most.")
  var steps = PlanningOptions().steps

  @Option(help: "Starts at most.")
  var starts = PlanningOptions().starts

  @Flag(help: "Make all starts together: the first that is verified ends the others.")
  var race = false

  @Option(help: "How much noise a new start puts on the best latents; 1 is nothing but noise.")
  var restartNoise = PlanningOptions().restartNoise

  @Option(
    help: "How far each update goes; by default half of the gradient, or all of the residual.")
  var stepSize: Double?

  @Option(
    help: """
      An update is halved where the energy is above the greatest of so many before; by default of \
      the one before along the gradient, and never along residuals.
      """)
  var window: Int?

  @Option(
    help: """
      An answer is read again where rounding the latents to it costs less than so many thresholds; \
      by default always.
      """)
  var roundingSlack: Double?

  func validate() throws {
    try OptionRange.check(
      ["--steps": steps, "--starts": starts, "--window": window ?? 1], atLeast: 1)
    if let stepSize { try OptionRange.check("--step-size", positive: stepSize) }
    if let roundingSlack { try OptionRange.check("--rounding-slack", positive: roundingSlack) }
    guard (0...1).contains(restartNoise) else {
      throw ValidationError("--restart-noise: expected 0 to 1, found \(restartNoise)")
    }
    guard !race || restartNoise == PlanningOptions().restartNoise else {
      throw ValidationError(
        "--race makes all starts at once, and --restart-noise is for those after the first: "
          + "leave one out")
    }
  }

  /// Whether anything was asked for.
  var isDefault: Bool { options(seed: 0) == PlanningOptions() }

  /// - Parameter seed: what fresh noise is made from.
  func options(seed: UInt64) -> PlanningOptions {
    var options = PlanningOptions()
    (options.step, options.steps, options.starts) = (along, steps, starts)
    (options.races, options.restartNoise) = (race, restartNoise)
    (options.stepSize, options.window) = (stepSize, window)
    options.roundingSlack = roundingSlack ?? .infinity
    options.seed = seed
    return options
  }
}

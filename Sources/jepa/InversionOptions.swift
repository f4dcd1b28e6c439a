import ArgumentParser
import ImageJEPA

extension InversionEnergy.Part: ExpressibleByArgument {}

/// How `jepa visualize --invert` looks for pictures.
struct InversionOptions: ParsableArguments {
  @Flag(
    help: """
      Draw instead what is left of each picture in its embedding: pictures that the encoder cannot \
      tell from it, found from noise.
      """)
  var invert = false

  @Option(help: "With --invert: from every token, or from their mean; both by default.")
  var of: InversionEnergy.Part?

  @Option(
    parsing: .unconditional,
    help: "With --invert: updates of each picture that is found. 300 by default.")
  var steps: Int?

  @Option(
    parsing: .unconditional,
    help: """
      With --invert: what a picture's roughness costs beside its distance. 1 by default; less \
      shows more, noise as well.
      """)
  var smoothness: Double?

  @Option(help: "With --invert: what the noise at the start is made from. 0 by default.")
  var seed: UInt64?

  func validate() throws {
    let given = [
      ("--of", of != nil), ("--steps", steps != nil), ("--smoothness", smoothness != nil),
      ("--seed", seed != nil),
    ].filter(\.1).map(\.0)
    if !invert, let first = given.first {
      throw ValidationError("\(first) is an option of --invert: give both or none")
    }
    try OptionRange.check(["--steps": steps ?? 1], atLeast: 1)
    if let smoothness, !(smoothness >= 0 && smoothness.isFinite) {
      throw ValidationError("--smoothness: expected 0 or more, found \(smoothness)")
    }
  }

  var parts: [InversionEnergy.Part] { of.map { [$0] } ?? InversionEnergy.Part.allCases }

  var settings: PictureInversion.Settings {
    var settings = PictureInversion.Settings()
    settings.steps = steps ?? settings.steps
    settings.smoothness = smoothness ?? settings.smoothness
    settings.seed = seed ?? settings.seed
    return settings
  }
}

import ArgumentParser

/// What every training command takes.
struct TrainingOptions: ParsableArguments {
  @Option(help: "The run folder: new or empty, unless resuming.", completion: .directory)
  var output: String

  @Option(
    help: "A YAML file of settings, such as a run's config.yaml.",
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting, such as optimizer.weightDecay=0.1; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(parsing: .unconditional, help: "Train for so many passes over the data.")
  var epochs: Double?

  @Option(parsing: .unconditional, help: "Train for so many updates.")
  var steps: Int?

  @Option(
    parsing: .unconditional,
    help: "Train for so many minutes: the default, with 20, or 10 for text.")
  var minutes: Double?

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device: String?

  @Option(help: "Threads of one operation.")
  var threads: Int?

  @Option(help: "What every random choice is made from.")
  var seed: UInt64?

  @Flag(help: "Go on from the run folder's last checkpoint.")
  var resume = false

  @OptionGroup var together: ProcessOptions

  @OptionGroup var progress: ProgressArguments

  func validate() throws {
    let durations = [epochs.map { _ in 1 }, steps.map { _ in 1 }, minutes.map { _ in 1 }]
    guard durations.compactMap({ $0 }).count <= 1 else {
      throw ValidationError("give one of --epochs, --steps and --minutes")
    }
    for (name, value) in [
      ("epochs", epochs), ("steps", steps.map(Double.init)), ("minutes", minutes),
    ] {
      if let value, !(value > 0) {
        throw ValidationError(
          "--\(name): expected more than 0, found \(String(format: "%g", value))")
      }
    }
    guard !output.isEmpty, output != "-" else {
      throw ValidationError("--output: expected a folder, found \"\(output)\"")
    }
  }

  /// All options as settings: a command's own, then these, then `--set`, which has the last word.
  ///
  /// - Parameter own: settings and the values that were given for them.
  func overrides(_ own: [(key: String, value: String?)], isStrict: Bool = false) -> [String] {
    let common: [(key: String, value: String?)] = [
      ("duration.epochs", epochs.map { "\($0)" }), ("duration.steps", steps.map { "\($0)" }),
      ("duration.minutes", minutes.map { "\($0)" }), ("device", device),
      ("threads", threads.map { "\($0)" }), ("seed", seed.map { "\($0)" }),
    ]
    return (own + common).compactMap { key, value in value.map { "\(key)=\($0)" } }
      + (isStrict ? ["loader.isStrict=true"] : []) + settings
  }
}

/// When checkpoints are written.
public struct CheckpointConfiguration: RunConfiguration {
  public var everyMinutes = 5.0
  /// Besides, after every so many steps.
  public var everySteps: Int? = nil
  /// How many checkpoints the run keeps.
  public var keep = 2

  public init() {}

  /// - Throws: `RunError.invalidValue`.
  public func validate() throws {
    let check = SettingCheck(in: "checkpoint")
    try check(keep >= 1, "keep", "at least 1, found \(keep)")
    try check(everyMinutes > 0, "everyMinutes", "above 0, found \(everyMinutes)")
    try check((everySteps ?? 1) >= 1, "everySteps", "at least 1, found \(everySteps ?? 0)")
  }

  /// Whether one is to be written after `step`.
  public func isDue(after step: Int, minutesSinceLast minutes: Double) -> Bool {
    if let everySteps, step % everySteps == 0 { return true }
    return minutes >= everyMinutes
  }
}

/// When checkpoints are written.
public struct CheckpointConfiguration: RunConfiguration {
  public var everyMinutes = 5.0
  /// Besides, after every so many steps.
  public var everySteps: Int? = nil
  /// How many checkpoints the run keeps.
  public var keep = 2

  public init() {}

  /// Whether one is to be written after `step`.
  public func isDue(after step: Int, minutesSinceLast minutes: Double) -> Bool {
    if let everySteps, step % everySteps == 0 { return true }
    return minutes >= everyMinutes
  }
}

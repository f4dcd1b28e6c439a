import TrainingRuns

/// How a session of training ended, when nothing went wrong.
public struct TrainingOutcome: Sendable {
  public let progress: RunProgress
  /// Whether the run reached its end, rather than being asked to stop.
  public let isFinished: Bool
  public let checkpoint: Checkpoint
  /// What was learned from in this session: pictures, frames or examples.
  public let items: Int
  /// How long this session trained.
  public let seconds: Double
  /// The seconds of it that were spent waiting for data; nil where nothing is loaded ahead.
  public let waitingSeconds: Double?
}

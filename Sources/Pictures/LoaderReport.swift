/// What a loader has done so far.
public struct LoaderReport: Sendable, Equatable {
  public var batches = 0
  public var items = 0
  /// Time that the caller spent inside `next()`, waiting.
  public var waitingSeconds = 0.0
  /// Time since the loader was made.
  public var elapsedSeconds = 0.0
  /// Reads that failed, each time counted.
  public var failedReads = 0
  /// Each picture that could not be read, once, with its first reason, in the order of their paths; the
  /// first thousand.
  public var failures: [ImageFailure] = []

  package init() {}

  /// The share of the time that was spent waiting for pictures, 0...1.
  public var waitingShare: Double {
    elapsedSeconds > 0 ? min(1, waitingSeconds / elapsedSeconds) : 0
  }
}

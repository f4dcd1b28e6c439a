/// Which frames around frame t its tokens are predicted from. Frame t itself is never among them.
public enum PredictionMode: String, Codable, Sendable, CaseIterable {
  /// t - 3, t - 2, t - 1
  case past
  /// t + 3, t + 2, t + 1: the past of the clip played backwards, by the same weights.
  case future
  /// t - 2, t - 1, t + 1, t + 2
  case middle

  /// The context's distances from the frame, in the order in which the predictor reads them.
  public var offsets: [Int] {
    switch self {
    case .past: [-3, -2, -1]
    case .future: [3, 2, 1]
    case .middle: [-2, -1, 1, 2]
    }
  }

  /// The places, in a clip of `frameCount` frames, of the frames that have the whole context.
  public func targets(frameCount: Int) -> Range<Int> {
    let first = max(0, -(offsets.min() ?? 0))
    return first..<max(first, frameCount - max(0, offsets.max() ?? 0))
  }
}

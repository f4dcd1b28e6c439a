/// Finds the first frames of new shots in a stream, two frames late.
///
/// A cut is where `TransitionDistances.separation` is above `separation`, the frames on both sides
/// differ by more than `leastDifference`, and no transition within two frames is separated more. It
/// needs three frames on each side: shots of one or two frames are flashes, and fades and dissolves
/// have no first frame.
public struct CutDetector: Sendable {
  public var separation: Double
  /// In grey levels.
  public var leastDifference: Double
  private var recent: [(index: Int, separation: Double)] = []

  public init(separation: Double = 1.4, leastDifference: Double = 8) {
    self.separation = separation
    self.leastDifference = leastDifference
  }

  /// Whether the step to frame `place` can be a cut although the frames around it repeat each other.
  ///
  /// From repeats any step stands apart. Beside repeats of a native cadence a cut has at least three times the median
  /// difference of the other steps within 16 frames.
  ///
  /// - Parameters:
  ///   - differences: each frame's pixel difference to the one before; NaN where there is none.
  ///   - isNative: frames that repeat the one before in a native cadence.
  static func standsApart(at place: Int, differences: [Float], isNative: [Bool]) -> Bool {
    let frames = differences.indices
    guard
      (place - 2...place + 2).clamped(to: 0...frames.count - 1).contains(where: { isNative[$0] })
    else { return true }
    let steps = (place - 16...place + 16).clamped(to: 0...frames.count - 1)
      .filter { $0 != place && !isNative[$0] && differences[$0].isFinite }.map { differences[$0] }
    return steps.upperMedian.map { differences[place] >= 3 * $0 } ?? true
  }

  /// Takes the statistics of the next frame; gives the index of the first frame of a shot where it
  /// completes one.
  public mutating func push(_ frame: FrameStatistics) -> Int? {
    let found = frame.transition.map { transition in
      transition.leastAcross >= leastDifference
        ? transition.separation(floor: FrameStatistics.noiseFloor) : 0
    }
    recent.append((frame.index, found ?? 0))
    if recent.count > 5 { recent.removeFirst() }
    return recent.count > 2 ? cut(at: recent.count - 3) : nil
  }

  /// The cuts that the last frames complete, and a detector that can begin anew.
  public mutating func finish() -> [Int] {
    defer { recent = [] }
    return (max(0, recent.count - 2)..<recent.count).compactMap(cut(at:))
  }

  private func cut(at place: Int) -> Int? {
    let candidate = recent[place]
    let around = recent[max(0, place - 2)..<min(recent.count, place + 3)]
    guard candidate.separation > separation,
      // Of equal ones the first.
      around.allSatisfy({
        $0.separation < candidate.separation
          || ($0.separation == candidate.separation && $0.index >= candidate.index)
      })
    else { return nil }
    return candidate.index
  }
}

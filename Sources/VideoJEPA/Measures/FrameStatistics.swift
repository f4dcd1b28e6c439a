import Frames

/// What the pixels of one frame say about how it fits its neighbours; nil where a neighbour is
/// missing. Grey levels are 0...255.
public struct FrameStatistics: Sendable, Equatable {
  /// As in `VideoFrame`.
  public var index: Int
  public var seconds: Double
  /// d(t, t-1): the mean absolute difference of brightness to the frame before, in grey levels.
  public var pixelDifference: Double?
  /// The same over the four blocks of 16 x 16 that differ most.
  public var pixelDifferenceTop: Double?
  /// |x_t - (x_{t-1} + x_{t+1}) / 2|, its mean, in grey levels.
  public var interpolationError: Double?
  /// The same over the top blocks.
  public var interpolationErrorTop: Double?
  /// (d(t, t-1) + d(t, t+1)) / 2 d(t-1, t+1), both sums with `FrameStatistics.noiseFloor` added: about
  /// 1/2 on smooth motion, above 1 for a frame that is farther from its neighbours than they are
  /// from each other, such as one of two that changed places.
  public var orderRatio: Double?
  /// Whether the frame is the one before it again: no block differs by more than
  /// `FrameStatistics.repeatThreshold`.
  public var isRepeat: Bool?
  /// The greatest difference of a mean colour to the frame before, in grey levels.
  public var colorShift: Double?
  /// The greatest difference of a mean colour to the mean of both neighbours' ones: a flash has a
  /// large one, a change of the light that stays half as much.
  public var colorInterpolationError: Double?
  /// The distances among the three frames before and the three from this one on.
  public var transition: TransitionDistances?

  /// Each number by its name in tables, but those of `transition`.
  var values: [(statistic: Statistic, value: Double?)] {
    [
      (.pixelDifference(.mean), pixelDifference), (.pixelDifference(.top), pixelDifferenceTop),
      (.interpolationError(.mean), interpolationError),
      (.interpolationError(.top), interpolationErrorTop), (.orderRatio, orderRatio),
      (.isRepeat, isRepeat.map { $0 ? 1 : 0 }), (.colorShift, colorShift),
      (.colorInterpolationError, colorInterpolationError),
    ]
  }

  /// Differences below it are noise, in grey levels.
  public static let noiseFloor = 0.5
  /// Exact repeats are not quite exact after decoding and scaling, in grey levels.
  public static let repeatThreshold = 0.05
}

/// Computes `FrameStatistics` from a stream of frames, two frames late.
///
/// It holds six frames, however long the stream is, and what it gives does not depend on how the
/// frames are handed in.
public struct FrameStatisticsStream {
  private var window = TransitionWindow<GreyFrame> { $0.distance(to: $1) }
  private var places: [(index: Int, seconds: Double)] = []
  private var count = 0
  private var finishedCount = 0
  private static let delay = TransitionDistances.reach - 1

  public init() {}

  /// Takes the next frame; gives the statistics that it completes, those of the frame two before.
  ///
  /// - Precondition: all frames have one size.
  public mutating func push(_ frame: VideoFrame) -> FrameStatistics? {
    push(GreyFrame(frame.image), index: frame.index, seconds: frame.seconds)
  }

  /// The same for a frame whose brightness is known already.
  public mutating func push(
    _ frame: GreyFrame, index: Int, seconds: Double
  ) -> FrameStatistics? {
    let transition = window.push(frame)
    if places.count == 2 * TransitionDistances.reach { places.removeFirst() }
    places.append((index, seconds))
    count += 1
    guard count > Self.delay else { return nil }
    finishedCount += 1
    return statistics(at: places.count - 1 - Self.delay, transition: transition)
  }

  /// The statistics of the last two frames, and a stream that can begin anew.
  public mutating func finish() -> [FrameStatistics] {
    let rest = (finishedCount..<count).map { frame in
      statistics(at: places.count - (count - frame), transition: nil)
    }
    self = FrameStatisticsStream()
    return rest
  }

  private func statistics(at place: Int, transition: TransitionDistances?) -> FrameStatistics {
    var result = FrameStatistics(index: places[place].index, seconds: places[place].seconds)
    result.transition = transition
    let frame = window.frames[place]
    guard place > 0 else { return result }
    let before = window.frames[place - 1]
    let toBefore = window.distances[place][0]
    result.pixelDifference = toBefore.mean
    result.pixelDifferenceTop = toBefore.top
    result.isRepeat = toBefore.top <= FrameStatistics.repeatThreshold
    result.colorShift = Self.greatest(frame.meanColor - before.meanColor)
    guard place + 1 < window.frames.count else { return result }
    let after = window.frames[place + 1]
    let interpolation = frame.interpolationError(between: before, and: after)
    result.interpolationError = interpolation.mean
    result.interpolationErrorTop = interpolation.top
    let toAfter = window.distances[place + 1][0].mean
    let acrossBoth = window.distances[place + 1][1].mean
    let floor = FrameStatistics.noiseFloor
    result.orderRatio = (toBefore.mean + toAfter + floor) / (2 * acrossBoth + floor)
    result.colorInterpolationError = Self.greatest(
      frame.meanColor - (before.meanColor + after.meanColor) / 2)
    return result
  }

  private static func greatest(_ difference: SIMD3<Double>) -> Double {
    max(abs(difference.x), abs(difference.y), abs(difference.z))
  }
}

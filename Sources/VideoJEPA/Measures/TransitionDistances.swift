import Foundation

/// How far the three frames before a transition and the three after it are apart, each from each.
///
/// The transition to frame t lies between frames t-1 and t; the six frames are t-3 ... t+2, called
/// 0 ... 5 here. Distances know no direction in colour or place, so that what they say holds for any
/// content; what they have is the order of the frames.
public struct TransitionDistances: Sendable, Equatable {
  /// Frames before and after the transition.
  public static let reach = 3
  /// How many pairs six frames have.
  public static let pairCount = 15
  /// The pairs in order: (0, 1), (0, 2), … (4, 5).
  public static let pairs: [(first: Int, second: Int)] = (0..<5).flatMap { first in
    (first + 1..<6).map { (first, $0) }
  }

  /// The distance of each pair, in the order of `pairs`.
  public var distances: [FrameDistance]

  /// - Precondition: there are 15.
  public init(_ distances: [FrameDistance]) {
    precondition(distances.count == Self.pairCount, "\(distances.count) distances of 15")
    self.distances = distances
  }

  /// Thirty numbers without a scale: log(distance + floor), less its mean over the pairs; the means
  /// over all first, then those over the top blocks.
  ///
  /// - Parameter floor: the distance below which differences are noise, in the distances' unit.
  public func centredLogarithms(floor: Double) -> [Float] {
    func centred(_ values: [Double]) -> [Float] {
      let logarithms = values.map { Float(log($0 + floor)) }
      let mean = logarithms.reduce(0, +) / Float(Self.pairCount)
      return logarithms.map { $0 - mean }
    }
    return centred(distances.map(\.mean)) + centred(distances.map(\.top))
  }

  /// How clearly the frames fall into two groups at the transition: the least distance across it
  /// over the greatest on one side of it (plus `floor`). Above 1 no frame of one side is as near to
  /// one of the other as those of its own side are to each other: a cut, and not a fast motion, a
  /// flash or a frame that is out of place.
  public func separation(floor: Double) -> Double {
    var (across, within) = (Double.infinity, 0.0)
    for (pair, distance) in zip(Self.pairs, distances) {
      if pair.first < Self.reach && pair.second >= Self.reach {
        across = min(across, distance.mean)
      } else {
        within = max(within, distance.mean)
      }
    }
    return across / (within + floor)
  }

  /// The least distance across the transition.
  public var leastAcross: Double {
    zip(Self.pairs, distances).reduce(.infinity) { least, item in
      item.0.first < Self.reach && item.0.second >= Self.reach
        ? min(least, item.1.mean) : least
    }
  }
}

/// The last few frames of a stream, with the distances between them.
///
/// `Frame` is anything with a distance: pixels, tokens. Each distance is computed once.
struct TransitionWindow<Frame> {
  private let distance: (Frame, Frame) -> FrameDistance
  /// The newest last; at most six.
  private(set) var frames: [Frame] = []
  /// `distances[i][k]` is that of frame i of `frames` to the one k + 1 places before it.
  private(set) var distances: [[FrameDistance]] = []

  init(distance: @escaping (Frame, Frame) -> FrameDistance) {
    self.distance = distance
  }

  /// Adds a frame. Where that makes six, the distances of the transition to the frame before the
  /// frame before it.
  mutating func push(_ frame: Frame) -> TransitionDistances? {
    if frames.count == 2 * TransitionDistances.reach {
      frames.removeFirst()
      distances.removeFirst()
    }
    distances.append(frames.reversed().map { distance(frame, $0) })
    frames.append(frame)
    guard frames.count == 2 * TransitionDistances.reach else { return nil }
    return TransitionDistances(
      TransitionDistances.pairs.map { distances[$0.second][$0.second - $0.first - 1] })
  }
}

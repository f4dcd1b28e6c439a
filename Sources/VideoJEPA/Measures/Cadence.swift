/// Finds repeats that belong to how a video was made: 24 frames a second in a stream of 30 or 60,
/// animation on twos, telecine.
///
/// Frame t is a *repeat* where d(t, t-1) is at most 0.15 times the third greatest of the same over 6
/// frames to each side (or `FrameStatistics.repeatThreshold`): a moving frame even where three in four
/// repeat, and no cut or flash. A repeat is *native* with period p, 2...25, where the repeats around
/// it come again and again after p frames: over 3p frames before it, after it, or 2p to either side,
/// at most one in ten differs from the one p frames on, the frame's own places p, 2p, … away are
/// repeats too, and not all frames are. A repeat that somebody added
/// stands outside the pattern and is not native.
public struct CadenceDetector: Sendable {
  /// What a frame's place in the pattern is.
  public struct Verdict: Sendable, Equatable {
    public let isRepeat: Bool
    /// The period of the pattern that the repeat belongs to, in frames; nil where it belongs to none,
    /// or the frame is no repeat.
    public let nativePeriod: Int?
  }

  public static let longestPeriod = 25
  private static let repeatReach = 6
  private static let patternReach = 3 * longestPeriod
  private static let repeatShare = 0.15

  private var differences: [Double?] = []
  private var droppedDifferences = 0
  private var decidedRepeats = 0
  private var repeats: [Bool] = []
  private var droppedRepeats = 0
  private var decided = 0

  public init() {}

  /// The verdicts on all frames of a clip, by their pixel differences; nil where there is none.
  public static func verdicts(on differences: some Sequence<Double?>) -> [Verdict] {
    var detector = CadenceDetector()
    var verdicts: [Verdict] = []
    for difference in differences {
      if let verdict = detector.push(difference) { verdicts.append(verdict) }
    }
    return verdicts + detector.finish()
  }

  /// Takes the next frame's pixel difference; gives the verdict on the frame 81 before it.
  public mutating func push(_ pixelDifference: Double?) -> Verdict? {
    differences.append(pixelDifference)
    if droppedDifferences + differences.count > decidedRepeats + Self.repeatReach {
      decideRepeat()
    }
    guard droppedRepeats + repeats.count > decided + Self.patternReach else { return nil }
    return decide()
  }

  /// The verdicts on the last frames, and a detector that can begin anew.
  public mutating func finish() -> [Verdict] {
    while decidedRepeats < droppedDifferences + differences.count { decideRepeat() }
    var verdicts: [Verdict] = []
    while decided < droppedRepeats + repeats.count { verdicts.append(decide()) }
    self = CadenceDetector()
    return verdicts
  }

  private mutating func decideRepeat() {
    let place = decidedRepeats - droppedDifferences
    let around = differences[
      max(0, place - Self.repeatReach)..<min(differences.count, place + Self.repeatReach + 1)
    ].compactMap { $0 }.sorted()
    // The third greatest of thirteen, the second greatest of the fewer at an end.
    let moving = around.isEmpty ? 0 : around[around.count - 1 - around.count / 6]
    repeats.append(
      (differences[place] ?? .infinity)
        <= max(FrameStatistics.repeatThreshold, Self.repeatShare * moving))
    decidedRepeats += 1
    if decidedRepeats - droppedDifferences > Self.repeatReach {
      differences.removeFirst()
      droppedDifferences += 1
    }
  }

  private mutating func decide() -> Verdict {
    let place = decided - droppedRepeats
    let verdict = Verdict(
      isRepeat: repeats[place], nativePeriod: repeats[place] ? period(at: place) : nil)
    decided += 1
    if decided - droppedRepeats > Self.patternReach {
      repeats.removeFirst()
      droppedRepeats += 1
    }
    return verdict
  }

  /// The shortest period that the repeat at `place` belongs to.
  private func period(at place: Int) -> Int? {
    (2...Self.longestPeriod).first { period in
      let side = 3 * period
      return [(side, 0), (2 * period, 2 * period), (0, side)].contains { before, after in
        isPeriodic(place - before...place + after, period, at: place)
      }
    }
  }

  private func isPeriodic(_ window: ClosedRange<Int>, _ period: Int, at place: Int) -> Bool {
    guard window.lowerBound >= 0, window.upperBound < repeats.count else { return false }
    var others = stride(from: place - period, through: window.lowerBound, by: -period).map { $0 }
    others += stride(from: place + period, through: window.upperBound, by: period)
    guard others.allSatisfy({ repeats[$0] }) else { return false }
    let pairs = window.lowerBound...window.upperBound - period
    let differing = pairs.count { repeats[$0] != repeats[$0 + period] }
    let moving = window.count { !repeats[$0] }
    return differing * 10 <= pairs.count && moving * period >= window.count - 1
  }
}

/// The native cadence of a whole video, from the verdicts on its frames.
public struct CadenceSummary: Codable, Sendable, Equatable {
  /// Frames in one round of the pattern.
  public let period: Int
  /// How many of them repeat the frame before.
  public let repeatsPerPeriod: Int
  /// The share of the video's frames that are repeats of this pattern, 0...1.
  public let share: Double
}

/// Counts verdicts; memory does not grow with the video.
public struct CadenceCount: Sendable {
  private var nativeRepeats = [Int](repeating: 0, count: CadenceDetector.longestPeriod + 1)
  private var frameCount = 0

  public init() {}

  public mutating func add(_ verdict: CadenceDetector.Verdict) {
    frameCount += 1
    if let period = verdict.nativePeriod { nativeRepeats[period] += 1 }
  }

  /// The commonest pattern, where it explains repeats over at least a tenth of the video.
  public var summary: CadenceSummary? {
    guard let (period, count) = nativeRepeats.enumerated().max(by: { $0.element < $1.element }),
      frameCount > 0
    else { return nil }
    let share = Double(count) / Double(frameCount)
    // A pattern of one repeat in p that holds throughout has the share 1/p.
    guard period > 0, share * Double(period) >= 0.1 else { return nil }
    return CadenceSummary(
      period: period, repeatsPerPeriod: max(1, Int((share * Double(period)).rounded())),
      share: share)
  }
}

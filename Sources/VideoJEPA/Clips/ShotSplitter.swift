import Pictures

/// Tells where one shot ends and the next begins, in frames that pass one by one.
public struct ShotSplitter {
  private var statistics = FrameStatisticsStream()
  private var detector = CutDetector()
  private var count = 0
  private var differences: [Float] = []
  private var found: [Int] = []

  public init() {}

  /// The cuts of frames that are in memory.
  public static func cuts(of images: [RGBImage]) -> [Int] {
    var splitter = ShotSplitter()
    for image in images { splitter.append(image) }
    return splitter.finish()
  }

  /// Takes the next frame.
  public mutating func append(_ image: RGBImage) {
    take(statistics.push(GreyFrame(image), index: count, seconds: 0))
    count += 1
  }

  private mutating func take(_ frame: FrameStatistics?) {
    guard let frame else { return }
    differences.append(frame.pixelDifference.map { Float($0) } ?? .nan)
    if let cut = detector.push(frame) { found.append(cut) }
  }

  /// The places of the first frames of new shots, after the last frame.
  public mutating func finish() -> [Int] {
    for frame in statistics.finish() { take(frame) }
    found += detector.finish()
    let isNative = CadenceDetector.verdicts(on: differences.map { $0.isNaN ? nil : Double($0) })
      .map { $0.nativePeriod != nil }
    return found.sorted().filter {
      CutDetector.standsApart(at: $0, differences: differences, isNative: isNative)
    }
  }
}

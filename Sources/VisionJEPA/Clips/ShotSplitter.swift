/// Tells where one shot ends and the next begins, in frames that pass one by one.
public struct ShotSplitter {
  private var statistics = FrameStatisticsStream()
  private var detector = CutDetector()
  private var count = 0
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
    let frame = statistics.push(GreyFrame(image), index: count, seconds: 0)
    count += 1
    if let frame, let cut = detector.push(frame) { found.append(cut) }
  }

  /// The places of the first frames of new shots, after the last frame.
  public mutating func finish() -> [Int] {
    for frame in statistics.finish() {
      if let cut = detector.push(frame) { found.append(cut) }
    }
    found += detector.finish()
    return found.sorted()
  }
}

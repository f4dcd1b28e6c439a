/// Tells where one shot ends and the next begins, in frames that pass one by one.
struct ShotSplitter {
  private var statistics = FrameStatisticsStream()
  private var detector = CutDetector()
  private var count = 0
  private var found: [Int] = []

  /// Takes the next frame.
  mutating func append(_ image: RGBImage) {
    let frame = statistics.push(GreyFrame(image), index: count, seconds: 0)
    count += 1
    if let frame, let cut = detector.push(frame) { found.append(cut) }
  }

  /// The places of the first frames of new shots, after the last frame.
  mutating func finish() -> [Int] {
    for frame in statistics.finish() {
      if let cut = detector.push(frame) { found.append(cut) }
    }
    found += detector.finish()
    return found.sorted()
  }
}

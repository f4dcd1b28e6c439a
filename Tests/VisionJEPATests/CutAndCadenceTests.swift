import Files
import Foundation
import Testing
import TrainingRuns

@testable import Frames
@testable import Pictures
@testable import VideoJEPA

@Suite struct CutTests {
  /// The first frames of shots that are found in `images`.
  private func cuts(_ images: [RGBImage]) -> [Int] {
    var stream = FrameStatisticsStream()
    var detector = CutDetector()
    var found: [Int] = []
    for (index, image) in images.enumerated() {
      let frame = VideoFrame(index: index, seconds: 0, image: image)
      if let result = stream.push(frame), let cut = detector.push(result) { found.append(cut) }
    }
    for result in stream.finish() {
      if let cut = detector.push(result) { found.append(cut) }
    }
    return found + detector.finish()
  }

  private func clip(_ seed: UInt64, frames: Int) -> [RGBImage] {
    let clip = SyntheticClip(
      seed: seed, options: SyntheticClip.Options(width: 32, height: 32, frameCount: frames))
    return (0..<frames).map(clip.image(at:))
  }

  @Test func shotsInARowAreTakenApart() {
    #expect(cuts(clip(1, frames: 20) + clip(2, frames: 14) + clip(3, frames: 9)) == [20, 34])
  }

  @Test(arguments: 10..<16) func oneShotHasNoCut(seed: UInt64) {
    #expect(cuts(clip(seed, frames: 60)) == [])
  }

  @Test func aFlashIsNoCut() {
    var images = clip(4, frames: 20)
    images[10] = images[10].exposed(gain: SIMD3(repeating: 2))
    #expect(cuts(images) == [])
  }

  @Test func nothingIsFoundInNothing() {
    #expect(cuts([]) == [])
    #expect(cuts(clip(1, frames: 1)) == [])
  }

  /// The clips beside the repository, where they are.
  @Test(
    arguments: [
      ("bikes.mp4", [30, 76, 137, 187, 242]), ("bigbuckbunny.mp4", []),
      ("carphone_pristine.mp4", []),
    ])
  func realClips(name: String, expected: [Int]) throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../shared/data/clips/\(name)").standardized.path
    guard TestVideos.canRun, FileManager.default.fileExists(atPath: path) else { return }
    let source = try FrameInput.open(path)
    #expect(cuts(try source.remainingFrames().map(\.image)) == expected)
  }
}

@Suite struct CadenceTests {
  private func verdicts(_ differences: [Double?]) -> [CadenceDetector.Verdict] {
    var detector = CadenceDetector()
    return differences.compactMap { detector.push($0) } + detector.finish()
  }

  /// Differences of a moving picture whose frames repeat as in `pattern`, one letter a frame: `-` moves,
  /// `=` repeats.
  private func differences(_ pattern: String, count: Int) -> [Double?] {
    var generator = SeededGenerator(seed: 8)
    let pattern = Array(pattern)
    return (0..<count).map { frame in
      frame == 0
        ? nil
        : pattern[frame % pattern.count] == "="
          ? Double(generator.uniform(in: 0...0.3)) : Double(generator.uniform(in: 4...9))
    }
  }

  @Test(
    arguments: [
      ("----=", 5, 1), ("-=", 2, 1), ("-==-=", 5, 3), ("-----=", 6, 1), ("-===", 4, 3),
      ("-----------------------=", 24, 1),
    ])
  func nativePatternsAreFound(pattern: String, period: Int, repeats: Int) throws {
    let found = verdicts(differences(pattern, count: 200))
    #expect(found.count == 200)
    // At both ends there may be too few moving frames to compare with.
    for (frame, verdict) in found.enumerated() where (8..<192).contains(frame) {
      let isRepeat = Array(pattern)[frame % pattern.count] == "="
      #expect(verdict.isRepeat == isRepeat)
      #expect(verdict.nativePeriod == (isRepeat ? period : nil), "frame \(frame) of \(pattern)")
    }
    var count = CadenceCount()
    for verdict in found { count.add(verdict) }
    let summary = try #require(count.summary)
    #expect(summary.period == period)
    #expect(summary.repeatsPerPeriod == repeats)
  }

  @Test func anAddedRepeatIsNotNative() {
    var series = differences("----=", count: 150)
    series.insert(0.1, at: 72)
    let found = verdicts(series)
    #expect(found[72].isRepeat)
    #expect(found[72].nativePeriod == nil)
    #expect(found[69].nativePeriod == 5)
  }

  @Test func repeatsHereAndThereAreNotNative() {
    var series = differences("-", count: 150)
    for frame in [20, 47, 61, 90, 133] { series[frame] = 0 }
    let found = verdicts(series)
    #expect(found.indices.filter { found[$0].isRepeat } == [20, 47, 61, 90, 133])
    #expect(found.allSatisfy { $0.nativePeriod == nil })
    var count = CadenceCount()
    for verdict in found { count.add(verdict) }
    #expect(count.summary == nil)
  }

  @Test func aStillPictureHasNoCadence() {
    let found = verdicts([nil] + [Double?](repeating: 0, count: 120))
    #expect(found.dropFirst().allSatisfy { $0.isRepeat && $0.nativePeriod == nil })
  }

  @Test(arguments: [0, 1, 5, 81, 82, 400]) func everyFrameGetsOneVerdict(count: Int) {
    #expect(verdicts(differences("----=", count: count)).count == count)
  }
}

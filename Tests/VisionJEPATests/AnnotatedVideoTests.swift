import Foundation
import TestSupport
import Testing

@testable import Frames
@testable import Pictures
@testable import VideoJEPA

@Suite struct AnnotatedVideoTests {
  private static let frames = MovingShapes.frames(70, cuts: [20], seed: 3)

  /// A clip with a cut at 20, scored, and the energies of its frames.
  private func annotated() throws -> (video: AnnotatedVideo, report: ConsistencyReport, ClipModel) {
    let model = try ClipModelTests.small()
    let report = try ConsistencyScorer(
      ConsistencyModel(clips: model, rule: sampleRule(), fingerprint: "of a test")
    ).score(MemoryFrameSource(Self.frames, name: "a clip"))
    return (AnnotatedVideo(report, model: model), report, model)
  }

  private func color(_ image: RGBImage, _ x: Int, _ y: Int) -> [UInt8] {
    let start = (y * image.width + x) * 3
    return Array(image.pixels[start..<start + 3])
  }

  @Test func flaggedFramesHaveABorderAndACurveBelow() throws {
    let (video, report, _) = try annotated()
    #expect(report.ranges.map(\.start) == [20])
    let layout = video.layout(of: Self.frames[0])
    // 48 x 32, eight times as large.
    #expect(layout.frame == FrameSize(width: 384, height: 256))
    #expect(layout.size.width == 384 && layout.size.height > 256)
    let clean = video.picture(of: Self.frames[10], nil, 10, layout)
    let broken = video.picture(of: Self.frames[20], nil, 20, layout)
    #expect(color(broken, 1, 1) == [255, 70, 50] && color(clean, 1, 1) != [255, 70, 50])
    // The cut is in the middle of its own picture, and ten frames to the right ten frames before.
    func reddish(_ image: RGBImage, _ x: Int) -> Bool {
      let found = color(image, x, layout.size.height - 2)
      return Int(found[0]) > Int(found[2]) + 40
    }
    #expect(reddish(broken, 193 - 2) && !reddish(broken, 193 + 38))
    #expect(reddish(clean, 192 + 39) && !reddish(clean, 192 - 20))
    // Something is written, and a curve drawn.
    let light = (0..<layout.size.width).count { x in
      (layout.frame.height..<layout.frame.height + layout.captionHeight).contains {
        color(clean, x, $0)[1] > 200
      }
    }
    #expect(light > 60)
  }

  @Test func heatLiesWhereTheEnergyIs() throws {
    let (video, _, _) = try annotated()
    let layout = video.layout(of: Self.frames[0])
    let hot = EnergyMap(width: 2, height: 2, values: [1e6, 0, 0, 0])
    let picture = video.picture(of: Self.frames[10], hot, 10, layout)
    let plain = video.picture(of: Self.frames[10], nil, 10, layout)
    let (heated, bare) = (color(picture, 8, 8), color(plain, 8, 8))
    #expect(heated[0] > 140 && heated[0] > heated[2])
    // What is below can still be seen.
    #expect(zip(heated, bare).allSatisfy { Int($0) >= Int($1) * 2 / 5 })
    #expect(color(picture, 370, 240) == color(plain, 370, 240))
  }

  /// The hottest tokens of an ordinary frame are about clear; those of a cut are not.
  @Test func heatIsAgainstWhatIsUsual() throws {
    let (_, report, _) = try annotated()
    let heat = EnergyHeat(report)
    let top = report.table[.energy(.middle, .top)]
    for row in 5..<65 {
      let range = heat.range(at: row, of: .middle)
      #expect(range.low > 0 && range.high > 2 * range.low)
      let around = top[max(2, row - 12)...min(67, row + 12)]
      if (19...21).contains(row) { continue }
      #expect(range.low >= around.min()! && range.low <= 1.25 * around.max()!, "frame \(row)")
    }
    // Flagged frames do not make their own energies usual.
    let cut = heat.range(at: 20, of: .middle)
    let others = (top[8...19] + top[21...32]).sorted()
    #expect(abs(cut.low - 1.25 * others[12]) < 1e-5)
  }

  /// On the narrowest pictures captions take more lines, and no part of one is cut off.
  @Test func captionsFitNarrowPictures() throws {
    let (video, _, _) = try annotated()
    let captions = [["frame 123456", "1:03.250", "score +12.3", "duplicate or freeze"]]
    for (width, height) in [
      (22, 800), (1, 1), (48, 32), (640, 360), (1920, 1080), (9000, 30), (30, 4000),
    ] {
      let image = RGBImage(width: width, height: height, color: RGBColor(0, 0, 0))
      let layout = AnnotatedVideo.Layout(image, captions: captions)
      let lines = layout.lines(captions[0])
      #expect(lines.map(\.text).joined(separator: "  ") == captions[0].joined(separator: "  "))
      for line in lines {
        #expect(line.x + RGBImage.lettersWidth(line.text, dot: layout.dot) <= layout.size.width)
        #expect(
          line.y + LetterFont.glyphHeight * layout.dot
            <= layout.frame.height + layout.captionHeight)
      }
      #expect(layout.dot == 2 || width < 240)
      #expect(max(layout.frame.width, layout.frame.height) <= max(3840, width, height))
    }
    #expect(video.layout(of: Self.frames[0]).lines(["frame 1"]).count == 1)
  }

  /// Groups of frames meet without a seam, and every frame has the energies that were scored.
  @Test func mapsOfAClipAreThoseOfItsStatistics() throws {
    let (_, report, model) = try annotated()
    let maps = model.energyMaps(of: Self.frames)
    for (row, map) in maps.enumerated() {
      let mode: PredictionMode = row < 2 ? .future : row < 68 ? .middle : .past
      let expected = report.table.value(of: .energy(mode, .mean), at: row)
      let values = try #require(map).values
      let mean = values.reduce(0, +) / Float(values.count)
      #expect(abs(mean - expected) < 1e-3 * expected, "frame \(row)")
    }
    #expect(model.energyMaps(of: []).isEmpty)
  }

  @Test(.enabled(if: FFmpegTools().areInstalled, "no ffmpeg on PATH"))
  func everyFrameIsInTheVideoOnce() throws {
    let (video, _, model) = try annotated()
    let folder = TemporaryPath("annotated")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    let path = "\(folder.path)/seen.mp4"
    try video.write(to: path, from: MemoryFrameSource(Self.frames))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["seen.mp4"])
    let source = try FrameInput.open(path, options: FrameOptions(shortSide: nil))
    #expect(source.framesPerSecond == 25)
    let frames = try source.remainingFrames()
    #expect(frames.count == 70)
    // Each is the picture that belongs there, but for what the encoder loses.
    let maps = model.energyMaps(of: Self.frames)
    let layout = video.layout(of: Self.frames[0])
    for row in stride(from: 0, to: 70, by: 5) {
      let expected = video.picture(of: Self.frames[row], maps[row], row, layout)
      let difference = GreyFrame(expected).distance(to: GreyFrame(frames[row].image)).mean
      #expect(difference < 6, "frame \(row)")
    }
  }
}

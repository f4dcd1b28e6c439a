import Foundation
import TestSupport
import Testing
import TrainingRuns

@testable import Frames
@testable import VideoJEPA

/// Folders of clips, read into memory shot by shot.
@Suite struct ClipReadingTests {
  let clips = TemporaryPath("clips")

  init() throws {
    try MovingShapes.write(
      MovingShapes.frames(30, cuts: [12, 25], seed: 1), to: clips.path + "/b/first")
    try MovingShapes.write(MovingShapes.frames(11, seed: 2), to: clips.path + "/a")
  }

  @Test func everyFolderOfPicturesIsAClip() throws {
    try Data("x".utf8).write(to: URL(fileURLWithPath: clips.path + "/z.txt"))
    let folder = try ClipFolder(clips.path)
    #expect(
      folder.paths == ["\(clips.path)/a", "\(clips.path)/b/first", "\(clips.path)/z.txt"])
    #expect(try ClipFolder(clips.path + "/a").paths == [clips.path + "/a"])
    #expect(try ClipFolder(clips.path + "/z.txt").paths == [clips.path + "/z.txt"])
  }

  @Test func whatLiesBesideFramesIsNoClip() throws {
    try Data("{}".utf8).write(to: URL(fileURLWithPath: clips.path + "/a/labels.json"))
    try Data("x".utf8).write(to: URL(fileURLWithPath: clips.path + "/a/film.MP4"))
    #expect(
      try ClipFolder(clips.path).paths == [
        "\(clips.path)/a", "\(clips.path)/a/film.MP4", "\(clips.path)/b/first",
      ])
  }

  @Test func damageIsTold() throws {
    try Data("x".utf8).write(to: URL(fileURLWithPath: clips.path + "/a/frame4.png"))
    func read(isStrict: Bool) throws -> ClipReadingReport {
      try ClipReader(size: 32, windowLength: 8, byteBudget: 1 << 30, isStrict: isStrict)
        .read(ClipFolder(clips.path)).report
    }
    let found = try read(isStrict: false).clips
    #expect(found.map(\.frameCount) == [10, 30] && found[1].damage == nil)
    #expect(found[0].damage?.contains("frame4.png") == true)
    #expect(throws: FrameError.self) { try read(isStrict: true) }
  }

  @Test func shotsEndAtCutsAndShortOnesAreDropped() throws {
    let (library, report) = try ClipReader(size: 32, windowLength: 8, byteBudget: 1 << 30)
      .read(ClipFolder(clips.path))
    #expect(library.shots.map(\.frameCount) == [11, 12, 13])
    #expect(library.shots.map(\.firstFrame) == [0, 0, 12])
    #expect(report.clips.map(\.cuts) == [[], [12, 25]])
    #expect(report.unusedFrameCount == 5)
    // The frames are the files', squeezed.
    let scaled = FrameScaler(size: 32).bytes(of: MovingShapes.frames(11, seed: 2)[3])
    let stored = library.shots[0].pixels[3 * library.frameBytes..<4 * library.frameBytes]
    #expect(zip(scaled, stored).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
  }

  @Test func memoryHasABound() throws {
    let frame = 32 * 32 * 3
    let (library, report) = try ClipReader(size: 32, windowLength: 8, byteBudget: 20 * frame)
      .read(ClipFolder(clips.path))
    #expect(library.frameCount <= 20)
    #expect(report.leftOut == ["\(clips.path)/b/first"])
  }

  @Test func theFingerprintFollowsTheFrames() throws {
    func fingerprint(_ seed: UInt64) -> String {
      ClipTrainingTests.library([MovingShapes.frames(12, seed: seed)]).fingerprint
    }
    #expect(fingerprint(1) == fingerprint(1) && fingerprint(1) != fingerprint(2))
  }
}

import Foundation
import TestSupport
import Testing

@testable import Frames

@Suite struct FramesFolderTests {
  private func folder(_ names: [String], size: (Int, Int) = (16, 12)) throws -> ScratchFolder {
    let scratch = try ScratchFolder()
    for (number, name) in names.enumerated() {
      try scratch.write(
        numberedImage(number, width: size.0, height: size.1).pngBytes(), to: name)
    }
    return scratch
  }

  @Test func numbersInNamesAreOrderedByValue() throws {
    let names = ["frame10.png", "frame2.png", "frame1.png", "frame02.png", "b1.png", "frame.png"]
    let scratch = try folder(names)
    #expect(
      try FrameFolder(scratch.path).names == [
        "b1.png", "frame1.png", "frame02.png", "frame2.png", "frame10.png", "frame.png",
      ])
  }

  @Test func framesComeInOrderWithIndexAndTime() throws {
    let scratch = try folder((0..<12).map { "f\($0).png" })
    let source = try FrameInput.open(
      scratch.path, options: FrameOptions(shortSide: nil, assumedFramesPerSecond: 10))
    #expect(source.expectedCount == 12)
    let frames = try source.remainingFrames()
    #expect(frames.map(\.index) == Array(0..<12))
    #expect(frames.map(\.seconds) == (0..<12).map { Double($0) / 10 })
    #expect(frames.map { $0.image } == (0..<12).map { numberedImage($0) })
    #expect(try source.next() == nil)
    #expect(source.problems.isEmpty)
  }

  @Test func aStretchAndEveryOtherFrame() throws {
    let scratch = try folder((0..<20).map { "f\($0).png" })
    let options = FrameOptions(
      startSeconds: 0.5, endSeconds: 1.5, every: 3, shortSide: nil, assumedFramesPerSecond: 10)
    let source = try FrameInput.open(scratch.path, options: options)
    let frames = try source.remainingFrames()
    #expect(frames.map(\.index) == [0, 3, 6, 9])
    #expect(frames.map(\.seconds) == [0.5, 0.8, 1.1, 1.4])
    #expect(frames.map { $0.image.pixels[0] } == [5, 8, 11, 14].map { UInt8($0 * 7) })
    #expect(source.expectedCount == 4)
  }

  @Test func framesAreScaledAsTheResamplerDoes() throws {
    let scratch = try folder(["1.png", "2.png"], size: (64, 32))
    let source = try FrameInput.open(scratch.path, options: FrameOptions(shortSide: 8))
    let frames = try source.remainingFrames()
    #expect(
      frames.map { FrameSize(width: $0.image.width, height: $0.image.height) }
        == [FrameSize(width: 16, height: 8), FrameSize(width: 16, height: 8)])
    #expect(frames[1].image.pixels.allSatisfy { $0 == 7 })
  }

  @Test func missingNumbersAreReported() throws {
    let scratch = try folder(["f0.png", "f1.png", "f2.png", "f5.png", "f6.png", "f8.png"])
    let source = try FrameInput.open(scratch.path)
    #expect(try source.remainingFrames().count == 6)
    #expect(
      source.problems.first.map(\.message) == [
        "2 numbers are missing from 3 before f5.png", "number 7 is missing before f8.png",
      ])
    #expect(source.problems.first.map(\.index) == [3, 5])
    #expect(source.problems.damageCount == 0)
  }

  @Test func numbersThatRiseInStepsMissNothing() throws {
    let scratch = try folder(["f0.png", "f10.png", "f20.png", "f30.png"])
    #expect(try FrameFolder(scratch.path).missingNumbers.isEmpty)
    let other = try folder(["a1.png", "a2.png", "b9.png"])
    #expect(try FrameFolder(other.path).missingNumbers.isEmpty)
  }

  @Test func damagedFramesAreLeftOutAndListed() throws {
    let scratch = try folder((0..<5).map { "f\($0).png" })
    let whole = try numberedImage(3).pngBytes()
    try scratch.write(Array(whole.prefix(whole.count / 2)), to: "f3.png")
    let source = try FrameInput.open(
      scratch.path, options: FrameOptions(assumedFramesPerSecond: 10))
    #expect(try source.remainingFrames().map(\.index) == [0, 1, 2, 4])
    #expect(source.problems.damageCount == 1)
    let problem = try #require(source.problems.first.first)
    #expect(problem.kind == .unreadableFrame)
    #expect(problem.index == 3)
    #expect(problem.description.hasPrefix("frame 3 (0.300 s): \(scratch.path("f3.png")): "))
  }

  @Test func whatIsNamedLikeAFrameAndIsNoneIsDamage() throws {
    let scratch = try folder((0..<5).map { "f\($0).png" })
    try scratch.write([], to: "f2.png")
    try scratch.write(Array("text".utf8), to: "f3.jpg")
    let source = try FrameInput.open(scratch.path)
    #expect(try source.remainingFrames().count == 4)
    #expect(source.problems.damageCount == 2)
    #expect(source.problems.first.allSatisfy { $0.kind == .unreadableFrame })
  }

  @Test func pipesAreNamed() throws {
    let pipe = TemporaryPath("pipe")
    #expect(mkfifo(pipe.path, 0o600) == 0)
    for path in [pipe.path, "/dev/null", "/dev/stdin"] {
      #expect(throws: FrameError.notAFile(path: path)) { try FrameInput.open(path) }
    }
  }

  @Test func sizesThatChangeAreErrorsOrResized() throws {
    let scratch = try folder((0..<3).map { "f\($0).png" })
    try scratch.write(numberedImage(9, width: 20, height: 12).pngBytes(), to: "f1.png")
    let strict = try FrameInput.open(scratch.path)
    #expect(try strict.next()?.index == 0)
    #expect(
      throws: FrameError.sizeChanged(
        path: scratch.path("f1.png"), expected: "16x12", found: "20x12")
    ) { try strict.next() }
    let resizing = try FrameInput.open(scratch.path, options: FrameOptions(resizesFrames: true))
    let frames = try resizing.remainingFrames()
    #expect(frames.map(\.image.width) == [16, 16, 16])
    #expect(resizing.problems.first.map(\.kind) == [.resized])
  }

  @Test func uselessFoldersAreErrors() throws {
    let scratch = try ScratchFolder()
    #expect(throws: FrameError.noPictures(path: scratch.path, files: 0, videos: 0)) {
      try FrameInput.open(scratch.path)
    }
    try scratch.write(Array("text".utf8), to: "notes.txt")
    #expect(throws: FrameError.noPictures(path: scratch.path, files: 1, videos: 0)) {
      try FrameInput.open(scratch.path)
    }
    try scratch.write(Array("not really".utf8), to: "clip.mp4")
    let error = #expect(throws: FrameError.self) { try FrameInput.open(scratch.path) }
    #expect(error == .noPictures(path: scratch.path, files: 2, videos: 1))
    #expect(
      error?.description
        == "\(scratch.path): expected a folder of PNG or JPEG frames, found 1 video: "
        + "name the files themselves")
    #expect(throws: FrameError.notFound(path: scratch.path("absent"))) {
      try FrameInput.open(scratch.path("absent"))
    }
  }

  @Test func aFolderOfUnreadablePicturesGivesNoFrames() throws {
    let scratch = try ScratchFolder()
    let whole = try numberedImage(3).pngBytes()
    let path = try scratch.write(Array(whole.prefix(30)), to: "f3.png")
    let source = try FrameInput.open(scratch.path)
    let error = #expect(throws: FrameError.self) { try source.next() }
    guard case .noFrames(scratch.path, let reason) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(reason.hasPrefix(path))
  }

  @Test func stillPicturesAndEmptyFilesAreNamed() throws {
    let scratch = try ScratchFolder()
    let picture = try scratch.write(numberedImage(1).pngBytes(), to: "one.png")
    #expect(throws: FrameError.stillPicture(path: picture)) { try FrameInput.open(picture) }
    let empty = try scratch.write([], to: "empty.mp4")
    #expect(throws: FrameError.notAVideo(path: empty, reason: "the file is empty")) {
      try FrameInput.open(empty)
    }
  }

  @Test func optionsThatMakeNoSenseAreRefused() throws {
    let scratch = try folder(["f0.png"])
    for options in [
      FrameOptions(startSeconds: -1), FrameOptions(startSeconds: 2, endSeconds: 2),
      FrameOptions(every: 0), FrameOptions(shortSide: 0), FrameOptions(assumedFramesPerSecond: 0),
      FrameOptions(startSeconds: .nan), FrameOptions(rawSize: FrameSize(width: 0, height: 3)),
    ] {
      let error = #expect(throws: FrameError.self) {
        try FrameInput.open(scratch.path, options: options)
      }
      guard case .invalidSetting = error else {
        Issue.record("\(error as Any) of \(options)")
        continue
      }
    }
  }

  @Test func sizesKeepTheirShape() {
    let size = FrameSize(width: 640, height: 360)
    #expect(size.reduced(toShortSide: 128) == FrameSize(width: 228, height: 128))
    #expect(size.reduced(toShortSide: 720) == size)
    #expect(
      FrameSize(width: 1, height: 5000).reduced(toShortSide: 64)
        == FrameSize(width: 1, height: 1024))
    #expect(FrameSize("640x360") == size)
    for text in ["640", "640x", "0x3", "axb", "1x2x3", "-1x2"] { #expect(FrameSize(text) == nil) }
  }
}

@Suite struct RawFramesTests {
  /// A file of `frames` numbered frames of 4x2 pixels and `extra` bytes, opened for reading.
  private func raw(
    _ frames: Int, extra: Int = 0, _ options: FrameOptions
  ) throws -> (RawFrameSource, ScratchFolder) {
    let scratch = try ScratchFolder()
    var bytes = (0..<frames).flatMap { numberedImage($0, width: 4, height: 2).pixels }
    bytes += [UInt8](repeating: 9, count: extra)
    let file = open(try scratch.write(bytes, to: "raw"), O_RDONLY)
    return (try RawFrameSource(descriptor: file, options: options), scratch)
  }

  private let options = FrameOptions(
    shortSide: nil, assumedFramesPerSecond: 10, rawSize: FrameSize(width: 4, height: 2))

  @Test func framesFollowEachOther() throws {
    let (source, _) = try raw(3, options)
    let frames = try source.remainingFrames()
    #expect(frames.map(\.image) == (0..<3).map { numberedImage($0, width: 4, height: 2) })
    #expect(frames.map(\.seconds) == [0, 0.1, 0.2])
    #expect(source.problems.isEmpty)
  }

  @Test func aStretchOfThem() throws {
    var stretch = options
    (stretch.startSeconds, stretch.endSeconds, stretch.every) = (0.2, 0.7, 2)
    let (source, _) = try raw(10, stretch)
    #expect(try source.remainingFrames().map { $0.image.pixels[0] } == [14, 28, 42])
  }

  @Test func aCutOffFrameIsListed() throws {
    let (source, _) = try raw(2, extra: 5, options)
    #expect(try source.remainingFrames().count == 2)
    #expect(
      source.problems.first.map(\.message) == ["the input ends after 5 of the frame's 24 bytes"])
    #expect(source.problems.damageCount == 1)
  }

  @Test func noFramesAndNoSizeAreErrors() throws {
    let (source, _) = try raw(0, options)
    #expect(throws: FrameError.noFrames(path: "-", reason: "the input is empty")) {
      try source.next()
    }
    #expect(throws: FrameError.rawSizeMissing) {
      try FrameInput.open("-", options: FrameOptions())
    }
  }
}

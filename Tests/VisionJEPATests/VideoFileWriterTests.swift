import Foundation
import Testing

@testable import Frames
@testable import Pictures

/// Videos that are written through ffmpeg, and what happens where they cannot be.
@Suite(.enabled(if: TestVideos.canRun, "no ffmpeg on PATH")) struct VideoFileWriterTests {
  private let size = FrameSize(width: 16, height: 12)

  private func write(
    _ count: Int, to path: String, tools: FFmpegTools = FFmpegTools()
  ) throws(FrameError) {
    let writer = try VideoFileWriter(path, size: size, framesPerSecond: 12.5, tools: tools)
    for number in 0..<count { try writer.append(numberedImage(number)) }
    try writer.finish()
  }

  private func expectFailure(
    _ path: String, saying reason: String, tools: FFmpegTools = FFmpegTools(),
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: FrameError.unwritableVideo(path: path, reason: reason),
      sourceLocation: sourceLocation
    ) { try write(60, to: path, tools: tools) }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let videos = try TestVideos()
    let path = videos.folder.path("numbers.mp4")
    try write(30, to: path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: videos.folder.path).count == 1)
    let source = try FrameInput.open(path, options: FrameOptions(shortSide: nil))
    #expect(source.framesPerSecond == 12.5)
    let frames = try source.remainingFrames()
    #expect(frames.count == 30)
    for (number, frame) in frames.enumerated() {
      #expect(abs(frame.seconds - Double(number) * 0.08) < 1e-3)
      let difference = Int(frame.image.pixels[40]) - Int(numberedImage(number).pixels[40])
      #expect(abs(difference) < 8, "frame \(number)")
    }
  }

  @Test func sidesAreMadeEven() throws {
    let videos = try TestVideos()
    let path = videos.folder.path("odd.mkv")
    let writer = try VideoFileWriter(
      path, size: FrameSize(width: 15, height: 9), framesPerSecond: 5)
    try writer.append(RGBImage(width: 15, height: 9, color: .white))
    try writer.finish()
    let frame = try #require(
      try FrameInput.open(path, options: FrameOptions(shortSide: nil)).next())
    #expect(frame.image.width == 16 && frame.image.height == 10)
  }

  @Test func whatIsNotFinishedLeavesNothing() throws {
    let videos = try TestVideos()
    do {
      let writer = try VideoFileWriter(
        videos.folder.path("half.mp4"), size: size, framesPerSecond: 5)
      try writer.append(numberedImage(1))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: videos.folder.path).isEmpty)
  }

  @Test func placesThatCannotBeWrittenAreNamed() throws {
    let videos = try TestVideos()
    let folder = videos.folder.path
    expectFailure(folder, saying: "expected a file, found a folder, a device or a pipe")
    expectFailure("\(folder)/no/a.mp4", saying: "\(folder)/no: No such file or directory")
    expectFailure(
      "\(folder)/a.mp4",
      saying: "ffmpeg is not on PATH: install it (apt-get install ffmpeg, or https://ffmpeg.org)",
      tools: FFmpegTools(searchPath: folder))
    let error = #expect(throws: FrameError.self) { try write(3, to: "\(folder)/a.nothing") }
    #expect("\(error!)".contains("\(folder)/a.nothing: cannot write the video: "), "\(error!)")
    #expect(!"\(error!)".contains(".tmp"))
  }

  /// Whether ffmpeg ends before all frames are there or after: its first complaint is the reason.
  @Test(arguments: ["head -c 100 >/dev/null", "cat >/dev/null"])
  func aFullDiskIsNamedAndNothingStays(input: String) throws {
    let videos = try TestVideos()
    let tools = try videos.fake(
      "ffmpeg",
      """
      for last; do :; done
      touch "${last#file:}"
      \(input)
      echo 'av_interleaved_write_frame(): No space left on device' >&2
      echo 'Conversion failed!' >&2
      exit 1
      """)
    expectFailure(
      videos.folder.path("a.mp4"),
      saying: "av_interleaved_write_frame(): No space left on device",
      tools: FFmpegTools(searchPath: tools))
    #expect(try FileManager.default.contentsOfDirectory(atPath: videos.folder.path) == ["tools"])
  }

  /// What ffmpeg 5.1 does where the end of a file does not fit any more.
  @Test func aComplaintCountsWhateverTheStatus() throws {
    let videos = try TestVideos()
    let tools = try videos.fake(
      "ffmpeg",
      """
      for last; do :; done
      cat >"${last#file:}"
      echo "Error writing trailer of $last: No space left on device" >&2
      """)
    let path = videos.folder.path("a.mp4")
    expectFailure(
      path, saying: "Error writing trailer of \(path): No space left on device",
      tools: FFmpegTools(searchPath: tools))
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func aCrashIsNamed() throws {
    let videos = try TestVideos()
    let tools = try videos.fake("ffmpeg", "kill -SEGV $$")
    expectFailure(
      videos.folder.path("a.mp4"), saying: "ffmpeg crashed (signal 11)",
      tools: FFmpegTools(searchPath: tools))
  }
}

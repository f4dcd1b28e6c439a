import Foundation
import Testing

@testable import Frames

@Suite(.enabled(if: TestVideos.canRun, "ffmpeg is not installed"))
struct FramesVideoTests {
  /// To the six digits that ffprobe prints.
  private func areClose(_ times: [Double], _ expected: [Double]) -> Bool {
    times.count == expected.count && zip(times, expected).allSatisfy { abs($0 - $1) < 2e-6 }
  }

  /// Whole frames at their own size.
  private let plain = FrameOptions(shortSide: nil)

  @Test func everyFrameComesOnceWithItsOwnTime() throws {
    let videos = try TestVideos()
    let path = try videos.card("card.mp4")
    let source = try FrameInput.open(path, options: plain)
    #expect(source.framesPerSecond == 10)
    #expect(source.expectedCount == 30)
    let frames = try source.remainingFrames()
    #expect(frames.map(\.index) == Array(0..<30))
    #expect(areClose(frames.map(\.seconds), try TestVideos.timestamps(of: path)))
    #expect(source.problems.isEmpty)
    #expect(try source.next() == nil)
  }

  @Test func pixelsAreThoseOfTheFile() throws {
    let videos = try TestVideos()
    // Lossless, so that what comes out is what the pictures were.
    let folder = try ScratchFolder()
    for number in 0..<5 {
      try folder.write(numberedImage(number).pngBytes(), to: "f\(number).png")
    }
    let path = try videos.make(
      "grey.mkv", "-framerate", "25", "-i", folder.path("f%d.png"), "-c:v", "ffv1", "-pix_fmt",
      "bgr0")
    let frames = try FrameInput.open(path, options: plain).remainingFrames()
    #expect(frames.map(\.image) == (0..<5).map { numberedImage($0) })
  }

  @Test func variableRatesKeepTheirTimestamps() throws {
    let videos = try TestVideos()
    let path = try videos.make(
      "variable.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=2", "-vf",
      "settb=1/1000,setpts='(if(lt(N,8),N/10,0.8+(N-8)/3)+0.013*mod(N,3))/TB'", "-fps_mode",
      "passthrough",
      "-enc_time_base", "1/1000", "-c:v", "ffv1")
    let expected = try TestVideos.timestamps(of: path)
    let source = try FrameInput.open(path)
    #expect(areClose(try source.remainingFrames().map(\.seconds), expected))
    #expect(expected.count == 20)
    #expect(Set(zip(expected, expected.dropFirst()).map { ($1 - $0) > 0.2 }) == [true, false])
    // Irregular by nature: no gaps.
    #expect(source.problems.isEmpty)
  }

  @Test func longFilmsKeepExactTimes() throws {
    let videos = try TestVideos()
    let path = try videos.make(
      "late.mkv", "-f", "lavfi", "-i", "testsrc=s=32x32:r=24000/1001:d=1", "-vf",
      "setpts='if(eq(N,0),0,PTS+7200/TB)'", "-fps_mode", "passthrough", "-c:v", "ffv1")
    let times = try FrameInput.open(path).remainingFrames().map(\.seconds)
    #expect(areClose(times, try TestVideos.timestamps(of: path)))
    #expect((times.last ?? 0) > 7200.9)
  }

  @Test func turnedVideosAreUpright() throws {
    let videos = try TestVideos()
    // Left half black, right half white; then said to be shown a quarter turn further.
    try videos.make(
      "flat.mp4", "-f", "lavfi", "-i", "color=black:s=64x48:r=10:d=0.5", "-vf",
      "drawbox=x=32:w=32:h=48:c=white:t=fill", "-c:v", "mpeg4")
    let turned = try videos.make(
      "turned.mp4", "-i", videos.folder.path("flat.mp4"), "-c", "copy", "-metadata:s:v:0",
      "rotate=90")
    let frame = try #require(try FrameInput.open(turned, options: plain).next())
    #expect(
      FrameSize(width: frame.image.width, height: frame.image.height)
        == FrameSize(width: 48, height: 64))
    let upper = Int(frame.image.pixels[(8 * 48 + 24) * 3])
    let lower = Int(frame.image.pixels[(56 * 48 + 24) * 3])
    #expect(abs(upper - lower) > 200)
  }

  @Test func editListsAreRespected() throws {
    let videos = try TestVideos()
    let whole = try videos.card(
      "whole.mp4", codec: ["-c:v", "mpeg4", "-g", "10", "-bf", "0"])
    // A copy from the middle of a group of pictures: the file holds frames that the list hides.
    let cut = try videos.make("cut.mp4", "-ss", "1.25", "-i", whole, "-c", "copy")
    let frames = try FrameInput.open(cut, options: plain).remainingFrames()
    let all = try FrameInput.open(whole, options: plain).remainingFrames()
    #expect(areClose(frames.map(\.seconds), try TestVideos.timestamps(of: cut)))
    #expect(frames.first?.image == all[30 - frames.count].image)
    #expect(frames.count < 20)
  }

  @Test func aStretchStartsAtItsTime() throws {
    let videos = try TestVideos()
    let path = try videos.card("card.mp4", codec: ["-c:v", "mpeg4", "-g", "12"])
    let all = try FrameInput.open(path).remainingFrames()
    var options = FrameOptions(startSeconds: 0.75, endSeconds: 2, every: 3)
    let source = try FrameInput.open(path, options: options)
    let frames = try source.remainingFrames()
    #expect(frames.map(\.index) == [0, 3, 6, 9])
    for (frame, place) in zip(frames, [8, 11, 14, 17]) {
      #expect(abs(frame.seconds - all[place].seconds) < 1e-5)
      #expect(frame.image == all[place].image)
    }
    #expect(source.problems.isEmpty)
    options = FrameOptions(startSeconds: 60)
    let beyond = try FrameInput.open(path, options: options)
    #expect(throws: FrameError.self) { try beyond.next() }
  }

  @Test func framesAreScaledByFFmpeg() throws {
    let videos = try TestVideos()
    let path = try videos.card("card.mp4", frames: 3)
    let frame = try #require(try FrameInput.open(path, options: FrameOptions(shortSide: 32)).next())
    #expect(
      FrameSize(width: frame.image.width, height: frame.image.height)
        == FrameSize(width: 48, height: 32))
  }

  @Test func letGoOfEarlyTheDecoderEnds() throws {
    let videos = try TestVideos()
    let path = try videos.make(
      "long.mkv", "-f", "lavfi", "-i", "testsrc=s=320x240:r=50:d=20", "-c:v", "mpeg4")
    var source: (any FrameSource)? = try FrameInput.open(path, options: plain)
    #expect(try source?.next()?.index == 0)
    // The deinitialiser waits for the child: this returns only once it is gone.
    source = nil
  }

  @Test func otherFilesAreNamedForWhatTheyAre() throws {
    let videos = try TestVideos()
    let sound = try videos.make("sound.wav", "-f", "lavfi", "-i", "sine=d=0.2")
    #expect(throws: FrameError.noVideo(path: sound, streams: ["audio"])) {
      try FrameInput.open(sound)
    }
    let text = try videos.folder.write(Array("hello, this is no video\n".utf8), to: "notes.mp4")
    let error = #expect(throws: FrameError.self) { try FrameInput.open(text) }
    guard case .notAVideo(text, let reason) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(reason == "Invalid data found when processing input")
  }

  @Test func musicWithACoverIsNoVideo() throws {
    let videos = try TestVideos()
    let sound = try videos.make("sound.wav", "-f", "lavfi", "-i", "sine=d=0.2")
    let cover = try videos.folder.write(numberedImage(3).pngBytes(), to: "cover.png")
    let song = try videos.make(
      "song.flac", "-i", sound, "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy",
      "-disposition:v", "attached_pic")
    #expect(throws: FrameError.noVideo(path: song, streams: ["audio", "a cover picture"])) {
      try FrameInput.open(song)
    }
  }

  @Test func truncatedVideosGiveWhatTheyHold() throws {
    let videos = try TestVideos()
    let path = try videos.card("whole.ts", frames: 60, codec: ["-c:v", "mpeg2video", "-g", "10"])
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let half = try videos.folder.write(Array(bytes.prefix(bytes.count / 2)), to: "half.ts")
    let source = try FrameInput.open(half)
    let frames = try source.remainingFrames()
    #expect(frames.count > 10 && frames.count < 50)
  }

  @Test func videosWithoutTheirIndexAreErrors() throws {
    let videos = try TestVideos()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: videos.card("whole.mp4")))
    let half = try videos.folder.write(Array(bytes.prefix(bytes.count / 2)), to: "half.mp4")
    let error = #expect(throws: FrameError.self) { try FrameInput.open(half) }
    guard case .notAVideo(half, _) = error else {
      Issue.record("\(error as Any)")
      return
    }
  }

  @Test func damageIsListedWithItsTime() throws {
    let videos = try TestVideos()
    let path = try videos.card("whole.avi", frames: 60, codec: ["-c:v", "mpeg4", "-g", "10"])
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    for place in bytes.count / 2..<bytes.count / 2 + 1500 { bytes[place] = UInt8(place % 251) }
    let source = try FrameInput.open(try videos.folder.write(bytes, to: "damaged.avi"))
    let frames = try source.remainingFrames()
    #expect(frames.count > 50)
    #expect(source.problems.damageCount > 0)
    let times = source.problems.first.map(\.seconds)
    #expect(times.allSatisfy { $0 > 1.5 && $0 < 5 }, "\(source.problems.first)")
  }

  @Test func gapsInARegularVideoAreListed() throws {
    let videos = try TestVideos()
    let path = try videos.make(
      "gap.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=6", "-vf",
      "select='not(between(n,30,39))'", "-fps_mode", "passthrough", "-c:v", "mpeg4")
    let source = try FrameInput.open(path)
    #expect(try source.remainingFrames().count == 50)
    #expect(source.problems.first.map(\.kind) == [.gap])
    #expect(source.problems.first.map(\.index) == [30])
    #expect(
      source.problems.first.first?.message == "no frame for 1.100 s, where one came every 0.100 s")
    #expect(source.problems.damageCount == 0)
  }

  @Test func namesThatLookLikeOptionsOrProtocolsAreFiles() throws {
    let videos = try TestVideos()
    let odd = try videos.card("-i concat:a|b 100%d é.mkv", frames: 2)
    #expect(try FrameInput.open(odd).remainingFrames().count == 2)
  }
}

/// What happens without ffmpeg, and when it fails: with programs of that name made for the test.
@Suite struct FFmpegFailureTests {
  private let probe = """
    echo '{"streams": [{"index": 0, "codec_type": "video", "width": 8, "height": 4,
      "avg_frame_rate": "25/1"}], "format": {"duration": "4"}}'
    """

  private func open(_ videos: TestVideos, _ tools: String) throws -> any FrameSource {
    let video = try videos.folder.write(Array("a video".utf8), to: "clip.mp4")
    return try FrameInput.open(video, tools: FFmpegTools(searchPath: tools))
  }

  @Test func aMissingFFmpegSaysHowToGetIt() throws {
    let videos = try TestVideos()
    let error = #expect(throws: FrameError.toolMissing(tool: "ffmpeg")) {
      try open(videos, videos.folder.path)
    }
    #expect(error?.description.contains("apt-get install ffmpeg") == true)
    let tools = try videos.fake("ffmpeg", "exit 0")
    #expect(throws: FrameError.toolMissing(tool: "ffprobe")) { try open(videos, tools) }
  }

  @Test func aCrashBeforeTheFirstFrameIsAnError() throws {
    let videos = try TestVideos()
    _ = try videos.fake("ffprobe", probe)
    let tools = try videos.fake("ffmpeg", "kill -SEGV $$")
    let source = try open(videos, tools)
    let error = #expect(throws: FrameError.self) { try source.next() }
    guard case .noFrames(_, let reason) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(reason == "ffmpeg crashed (signal 11) after 0 frames")
  }

  @Test func aCrashLaterKeepsWhatCame() throws {
    let videos = try TestVideos()
    _ = try videos.fake("ffprobe", probe)
    let tools = try videos.fake(
      "ffmpeg",
      """
      echo '[Parsed_showinfo_3 @ 0x1] [info] config in time_base: 1/50, frame_rate: 25/1' >&2
      for n in 0 1; do
        echo "[Parsed_showinfo_3 @ 0x1] [info] n:   $n pts:   $((n * 2)) pts_time:9 s:8x4 i:P" >&2
        head -c 96 /dev/zero
      done
      echo '[h264 @ 0x2] [error] something is wrong' >&2
      exit 3
      """)
    let source = try open(videos, tools)
    #expect(try source.remainingFrames().map(\.seconds) == [0, 0.04])
    #expect(
      source.problems.first.map(\.message) == [
        "h264: something is wrong", "ffmpeg ended with status 3: h264: something is wrong",
      ])
    #expect(source.problems.damageCount == 2)
  }

  /// What probing meets is met again at its own time, and what the file says of itself is no complaint.
  @Test func onlyDecodingTellsOfDamage() throws {
    let videos = try TestVideos()
    _ = try videos.fake("ffprobe", probe)
    let tools = try videos.fake(
      "ffmpeg",
      """
      echo '[mpeg @ 0x1] [error] met while probing' >&2
      echo '[info]     title           : of [error] and corrupt [warning] bits' >&2
      echo '[info] Stream mapping:' >&2
      echo '[NULL @ 0x2] [error] before the first frame' >&2
      echo '[Parsed_showinfo_3 @ 0x1] [info] n:   0 pts:   0 pts_time:9 s:8x4 i:P' >&2
      head -c 96 /dev/zero
      echo '[info]     title           : of [error] and corrupt [warning] bits' >&2
      echo '[mpeg @ 0x3] [warning] Packet corrupt' >&2
      """)
    let source = try open(videos, tools)
    #expect(try source.remainingFrames().count == 1)
    #expect(
      source.problems.first.map(\.message) == ["before the first frame", "mpeg: Packet corrupt"])
  }

  @Test func anOldFFmpegIsNamed() throws {
    let videos = try TestVideos()
    _ = try videos.fake("ffprobe", probe)
    let tools = try videos.fake(
      "ffmpeg", "echo \"[fatal] Unrecognized option 'fps_mode'.\" >&2; exit 1")
    let source = try open(videos, tools)
    #expect(
      throws: FrameError.toolTooOld(
        tool: "ffmpeg", reason: "Unrecognized option 'fps_mode'.")
    ) { try source.next() }
  }

  @Test func aProgramThatCannotBeStartedIsNamed() throws {
    let videos = try TestVideos()
    _ = try videos.fake("ffmpeg", "exit 0")
    let tools = try videos.fake("ffprobe", "exit 0", shell: "/no/such/shell")
    let error = #expect(throws: FrameError.self) { try open(videos, tools) }
    guard case .toolFailed("ffprobe", _, "No such file or directory") = error else {
      Issue.record("\(error as Any)")
      return
    }
  }
}

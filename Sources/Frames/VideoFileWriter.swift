import Files
import Foundation
import Pictures

/// Writes frames as a video file: ffmpeg beside this program encodes them in what the file's name asks for.
///
/// The file has a temporary name beside its own until `finish`; one that is never finished is removed.
public final class VideoFileWriter {
  private let path: String
  private let temporaryPath: String
  private let size: FrameSize
  private let child: ChildProcess
  private let messages: LineReader
  private var isFinished = false

  /// Checks what would otherwise be found out after all the work: whether there is an ffmpeg, and whether
  /// `path` may become a file.
  ///
  /// - Throws: `FrameError.unwritableVideo`.
  public static func check(_ path: String, tools: FFmpegTools = FFmpegTools()) throws(FrameError) {
    do throws(FrameError) { _ = try tools.path(of: "ffmpeg") } catch {
      throw .unwritableVideo(
        path: path,
        reason: "ffmpeg is not on PATH: install it (apt-get install ffmpeg, or https://ffmpeg.org)")
    }
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw .unwritableVideo(
        path: path, reason: "expected a file, found a folder, a device or a pipe")
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard access(folder, W_OK) == 0 else {
      throw .unwritableVideo(path: path, reason: "\(folder): \(ImageFile.lastSystemError())")
    }
  }

  /// Starts ffmpeg.
  ///
  /// - Parameters:
  ///   - path: its ending names the format: mp4, mkv, webm, ….
  ///   - size: of every frame.
  ///   - framesPerSecond: raw frames have no times of their own; a positive number.
  ///   - encoding: ffmpeg's options for the encoder.
  ///   - tools: where ffmpeg is.
  /// - Throws: `FrameError.unwritableVideo`, `.toolFailed`.
  public init(
    _ path: String, size: FrameSize, framesPerSecond: Double, encoding: [String] = [],
    tools: FFmpegTools = FFmpegTools()
  ) throws(FrameError) {
    precondition(framesPerSecond > 0, "\(framesPerSecond) frames a second")
    try Self.check(path, tools: tools)
    self.path = path
    self.size = size
    let (stem, ending) = (
      PathParts(path).stem, PathParts(path).ending
    )
    let unique = String(UInt64.random(in: 0...(.max)), radix: 36)
    temporaryPath = "\(stem).\(unique).tmp" + (ending.isEmpty ? "" : ".\(ending)")
    let arguments = [
      "-hide_banner", "-v", "error", "-xerror", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
      "-video_size",
      "\(size)", "-framerate", String(format: "%.6f", framesPerSecond), "-i", "pipe:0",
      // Most players know no other pixels; colours are halved in both directions, so sides are made even.
      "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p",
      // By it the program knows its own videos.
      "-metadata", "comment=swift-jepa",
    ]
    child = try tools.start(
      "ffmpeg", arguments + encoding + [FFmpegTools.argument(for: temporaryPath)], for: path,
      takesInput: true)
    messages = LineReader(child.errors)
  }

  deinit {
    guard !isFinished else { return }
    child.stop()
    unlink(temporaryPath)
  }

  /// Writes the next frame.
  ///
  /// - Throws: `FrameError.unwritableVideo` where ffmpeg has given up, with its reason.
  /// - Precondition: the frame has the video's size.
  public func append(_ image: RGBImage) throws(FrameError) {
    precondition(
      image.width == size.width && image.height == size.height,
      "a frame of \(image.width)x\(image.height) for a video of \(size)")
    guard image.pixels.withUnsafeBytes({ child.write($0) }) else { throw failure() }
  }

  /// Waits until everything is written, and gives the file its name.
  ///
  /// - Throws: `FrameError.unwritableVideo`.
  public func finish() throws(FrameError) {
    child.closeInput()
    let lines = messages.waitForAll()
    // Some versions end with status 0 where the disk was full for the last part: every error counts.
    guard child.wait() == .exited(0), lines.allSatisfy(\.isEmpty) else {
      throw failure(after: lines)
    }
    guard rename(temporaryPath, path) == 0 else {
      throw .unwritableVideo(path: path, reason: ImageFile.lastSystemError())
    }
    isFinished = true
  }

  private func failure(after lines: [String]? = nil) -> FrameError {
    child.closeInput()
    let lines = lines ?? messages.waitForAll()
    // The first complaint is the cause; what follows from it comes later.
    let reason = lines.first { !$0.isEmpty }
    if let reason {
      return .unwritableVideo(
        path: path,
        reason: reason.replacingOccurrences(of: "file:\(temporaryPath)", with: path)
          .replacingOccurrences(of: temporaryPath, with: path))
    }
    return switch child.wait() {
    case .exited(let status):
      .unwritableVideo(path: path, reason: "ffmpeg ended with status \(status)")
    case .signalled(let signal):
      .unwritableVideo(path: path, reason: "ffmpeg crashed (signal \(signal))")
    }
  }
}

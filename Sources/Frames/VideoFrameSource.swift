import Files
import Foundation
import Pictures

/// The frames of a video file, decoded and scaled by ffmpeg beside this program.
///
/// Pixels come as raw RGB on ffmpeg's standard output, without a frame being repeated or dropped to
/// fill a constant rate; their timestamps and sizes come as the lines of its `showinfo` filter on the
/// standard error, in the same order and before the pixels, and so do its complaints. Timestamps,
/// rotation and edit lists are the file's own; time 0 is where the file begins.
/// See docs/decisions/0030-frames-through-ffmpeg.md.
public final class VideoFrameSource: FrameSource {
  public let name: String
  public let framesPerSecond: Double?
  public let expectedCount: Int?
  public private(set) var problems = FrameProblems()

  private let options: FrameOptions
  private let child: ChildProcess
  private let log: FFmpegLog
  private let workspace = ImageWorkspace()
  private let size: FrameSize
  private var bytes: [UInt8] = []
  private var deliveredCount = 0
  private var lastSeconds: Double
  private var regularity = FrameIntervals()
  private var isFinished = false

  /// - Throws: `FrameError.toolMissing`, `.toolFailed`, `.notAVideo`, `.noVideo`.
  init(_ path: String, options: FrameOptions, tools: FFmpegTools) throws(FrameError) {
    name = path
    self.options = options
    // Asked for first: it is the one that a user knows.
    _ = try tools.path(of: "ffmpeg")
    let probe = try VideoProbe(path, tools: tools)
    size = options.deliveredSize(of: probe.size)
    framesPerSecond = probe.framesPerSecond
    lastSeconds = options.startSeconds
    if let rate = probe.framesPerSecond, let duration = probe.durationSeconds {
      let end = min(options.endSeconds ?? duration, duration)
      let frames = max(0, (end - options.startSeconds) * rate)
      expectedCount = Int(exactly: (frames / Double(options.every)).rounded(.up))
    } else {
      expectedCount = nil
    }
    var filters: [String] = []
    if options.every > 1 { filters.append("select='not(mod(n,\(options.every)))'") }
    filters.append("scale=\(size.width):\(size.height):flags=area")
    // The pixels are wanted as they are, whatever shape the container says they have.
    filters += ["setsar=1", "format=rgb24", "showinfo"]
    var arguments = [
      "-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+info",
    ]
    if options.startSeconds > 0 { arguments += ["-ss", Self.decimal(options.startSeconds)] }
    arguments += [
      "-i", FFmpegTools.argument(for: path), "-map", "0:\(probe.stream)", "-fps_mode",
      "passthrough", "-vf", filters.joined(separator: ","), "-pix_fmt", "rgb24", "-f", "rawvideo",
      "pipe:1",
    ]
    child = try tools.start("ffmpeg", arguments, for: path)
    log = FFmpegLog(child.errors)
  }

  public func next() throws(FrameError) -> VideoFrame? {
    guard !isFinished else { return nil }
    while let entry = log.next() {
      guard case .frame(let info) = entry else {
        if case .complaint(let text) = entry { note(text) }
        continue
      }
      let count = info.size.width * info.size.height * 3
      if bytes.count != count { bytes = [UInt8](repeating: 0, count: count) }
      let length =
        (try? bytes.withUnsafeMutableBytes { try FileBytes.read(child.output, into: $0) }) ?? 0
      guard length == count else { break }
      // A stream may lack timestamps, at its end or everywhere.
      let interval = Double(options.every) / (framesPerSecond ?? options.assumedFramesPerSecond)
      let seconds =
        info.seconds.map { $0 + options.startSeconds }
        ?? (deliveredCount == 0 ? lastSeconds : lastSeconds + interval)
      if let end = options.endSeconds, seconds >= end - 1e-6 {
        finish(early: true)
        return try afterTheLast()
      }
      let index = deliveredCount * options.every
      if deliveredCount > 0, let usual = regularity.gap(seconds - lastSeconds) {
        append(
          .gap, index, seconds,
          String(
            format: "no frame for %.3f s, where one came every %.3f s", seconds - lastSeconds,
            usual))
      }
      lastSeconds = seconds
      deliveredCount += 1
      let image = bytes.withUnsafeBufferPointer {
        workspace.resized($0.baseAddress!, from: info.size, to: size)
      }
      return VideoFrame(index: index, seconds: seconds, image: image)
    }
    finish(early: false)
    return try afterTheLast()
  }

  private func afterTheLast() throws(FrameError) -> VideoFrame? {
    guard deliveredCount == 0 else { return nil }
    if log.hasUnknownOption { throw .toolTooOld(tool: "ffmpeg", reason: log.lastComplaint) }
    guard let reason = problems.first.last?.message else {
      if !log.lastComplaint.isEmpty { throw .noFrames(path: name, reason: log.lastComplaint) }
      let isCut = options.startSeconds > 0 || options.endSeconds != nil
      throw .noFrames(
        path: name,
        reason: isCut ? "no frame lies between start and end" : "ffmpeg delivered none")
    }
    throw .noFrames(path: name, reason: reason)
  }

  /// Waits for ffmpeg, or stops it where no more frames are wanted.
  private func finish(early: Bool) {
    isFinished = true
    if early {
      child.stop()
      return
    }
    while let entry = log.next() {
      if case .complaint(let text) = entry { note(text) }
    }
    switch child.wait() {
    case .exited(0): break
    case .exited(let status):
      let reason = log.lastComplaint
      append(
        .damage, deliveredCount * options.every, lastSeconds,
        "ffmpeg ended with status \(status)\(reason.isEmpty ? "" : ": \(reason)")")
    case .signalled(let signal):
      append(
        .damage, deliveredCount * options.every, lastSeconds,
        "ffmpeg crashed (signal \(signal)) after \(deliveredCount.counted("frame"))")
    }
  }

  private func note(_ complaint: String) {
    // A decoder that starts in the middle complains about what it has not seen.
    if deliveredCount == 0 && options.startSeconds > 0 { return }
    append(.damage, deliveredCount * options.every, lastSeconds, complaint)
  }

  private func append(
    _ kind: FrameProblem.Kind, _ index: Int, _ seconds: Double, _ message: String
  ) {
    problems.append(FrameProblem(kind: kind, index: index, seconds: seconds, message: message))
  }

  /// Without an exponent, which ffmpeg does not read in times.
  private static func decimal(_ seconds: Double) -> String { String(format: "%.6f", seconds) }
}

/// Tells whether a video whose frames come at a constant rate lacks some.
struct FrameIntervals {
  private var recent: [Double] = []
  private static let window = 16

  /// The usual interval where `interval` is more than twice and a half of it; nil otherwise, and
  /// always where the last sixteen intervals differ by more than half, as variable rates do.
  mutating func gap(_ interval: Double) -> Double? {
    defer {
      recent.append(interval)
      if recent.count > Self.window { recent.removeFirst() }
    }
    guard recent.count == Self.window, let shortest = recent.min(), let longest = recent.max(),
      shortest > 0, longest <= 1.5 * shortest
    else { return nil }
    let usual = recent.reduce(0, +) / Double(Self.window)
    return interval > 2.5 * usual ? usual : nil
  }
}

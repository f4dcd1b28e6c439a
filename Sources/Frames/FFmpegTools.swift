import Foundation

/// The programs `ffmpeg` and `ffprobe`, found on PATH.
public struct FFmpegTools: Sendable, Equatable {
  /// The folders to look in, as in PATH.
  public var searchPath: String

  public init(searchPath: String = ProcessInfo.processInfo.environment["PATH"] ?? "") {
    self.searchPath = searchPath
  }

  /// Whether both are there.
  public var areInstalled: Bool {
    (try? path(of: "ffmpeg")) != nil && (try? path(of: "ffprobe")) != nil
  }

  /// - Throws: `FrameError.toolMissing`.
  func path(of tool: String) throws(FrameError) -> String {
    for folder in searchPath.split(separator: ":") {
      let path = "\(folder)/\(tool)"
      var status = stat()
      if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 {
        return path
      }
    }
    throw .toolMissing(tool: tool)
  }

  /// - Parameter takesInput: whether `ChildProcess.write` feeds its standard input.
  func start(
    _ tool: String, _ arguments: [String], for input: String, takesInput: Bool = false
  ) throws(FrameError) -> ChildProcess {
    let executable = try path(of: tool)
    do throws(ChildProcess.SpawnFailure) {
      return try ChildProcess(executable, arguments, takesInput: takesInput)
    } catch {
      throw .toolFailed(tool: tool, path: input, reason: error.reason)
    }
  }

  /// An input as ffmpeg's argument: never an option, a protocol or a device.
  static func argument(for path: String) -> String { "file:\(path)" }
}

/// What ffprobe says about a file.
struct VideoProbe {
  /// The place of the video stream among all streams.
  let stream: Int
  /// Upright, and with square pixels.
  let size: FrameSize
  let framesPerSecond: Double?
  let durationSeconds: Double?

  /// - Throws: `FrameError.notAVideo`, `.noVideo`, `.toolMissing`, `.toolFailed`.
  init(_ path: String, tools: FFmpegTools) throws(FrameError) {
    let arguments = [
      "-hide_banner", "-v", "error", "-of", "json", "-show_streams", "-show_format",
      FFmpegTools.argument(for: path),
    ]
    let child = try tools.start("ffprobe", arguments, for: path)
    let messages = LineReader(child.errors)
    let output = Self.readAll(child.output)
    let lines = messages.waitForAll()
    let ending = child.wait()
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard ending == .exited(0), let report = try? decoder.decode(Report.self, from: output)
    else {
      if case .signalled(let signal) = ending {
        throw .toolFailed(tool: "ffprobe", path: path, reason: "ended by signal \(signal)")
      }
      let reason = lines.last { !$0.isEmpty } ?? "ffprobe gave no reason"
      throw .notAVideo(path: path, reason: Self.withoutPath(reason, path))
    }
    // A cover picture of a piece of music is a video stream by name only.
    guard
      let video = report.streams.first(where: {
        $0.codecType == "video" && $0.disposition?["attached_pic"] != 1
      })
    else {
      let streams = report.streams.map {
        $0.codecType == "video" ? "a cover picture" : $0.codecType ?? "data"
      }
      throw .noVideo(path: path, streams: streams.removingRepeats())
    }
    guard let width = video.width, let height = video.height, width > 0, height > 0 else {
      throw .notAVideo(path: path, reason: "its video stream states no size")
    }
    stream = video.index
    size = video.uprightSize(width: width, height: height)
    framesPerSecond =
      Self.ratio(video.avgFrameRate, "/") ?? Self.ratio(video.rFrameRate, "/")
    durationSeconds = (video.duration ?? report.format?.duration).flatMap(Double.init)
  }

  private struct Report: Decodable {
    let streams: [Stream]
    let format: Format?
  }

  private struct Format: Decodable {
    let duration: String?
  }

  /// ffprobe's own names.
  private struct Stream: Decodable {
    let index: Int
    let codecType: String?
    let width: Int?
    let height: Int?
    let sampleAspectRatio: String?
    let avgFrameRate: String?
    let rFrameRate: String?
    let duration: String?
    let disposition: [String: Int]?
    let tags: [String: String]?
    let sideDataList: [SideData]?

    struct SideData: Decodable {
      let rotation: Double?
    }

    func uprightSize(width: Int, height: Int) -> FrameSize {
      var width = Double(width)
      if let aspect = VideoProbe.ratio(sampleAspectRatio, ":") { width *= aspect }
      let turned =
        sideDataList?.compactMap(\.rotation).first ?? tags?["rotate"].flatMap(Double.init) ?? 0
      let quarters = Int(exactly: (turned / 90).rounded()) ?? 0
      let size = FrameSize(
        width: max(1, Int(exactly: width.rounded()) ?? 1), height: height)
      return quarters % 2 == 0 ? size : FrameSize(width: size.height, height: size.width)
    }
  }

  /// "30000/1001" as a number; nil for "0/0".
  fileprivate static func ratio(_ text: String?, _ separator: Character) -> Double? {
    let parts = (text ?? "").split(separator: separator).compactMap { Double($0) }
    guard parts.count == 2, parts[0] > 0, parts[1] > 0 else { return nil }
    return parts[0] / parts[1]
  }

  private static func withoutPath(_ reason: String, _ path: String) -> String {
    let prefix = FFmpegTools.argument(for: path) + ": "
    return reason.hasPrefix(prefix) ? String(reason.dropFirst(prefix.count)) : reason
  }

  private static func readAll(_ descriptor: Int32) -> Data {
    var data = Data()
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while let count = try? piece.withUnsafeMutableBytes({ try FileBytes.read(descriptor, into: $0) }
    ),
      count > 0
    {
      data.append(contentsOf: piece.prefix(count))
    }
    return data
  }
}

extension [String] {
  /// Each one once, in order.
  fileprivate func removingRepeats() -> [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}

/// Reads lines from a descriptor on a thread of its own, so that the writer never waits.
final class LineReader: Sendable {
  private final class State: @unchecked Sendable {
    let condition = NSCondition()
    var lines: [String] = []
    var isFinished = false
  }

  private let state = State()

  /// - Parameter descriptor: read to its end, by a name of the reader's own: it may be closed at any time.
  init(_ descriptor: Int32) {
    let descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    let thread = Thread { [state] in
      defer { close(descriptor) }
      var rest: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 1 << 14)
      while true {
        let count = read(descriptor, &piece, piece.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { break }
        rest += piece.prefix(count)
        let complete = rest.split(
          separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        rest = Array(complete.last!)
        // A line without an end is no reason to keep it all.
        if rest.count > 1 << 16 { rest.removeFirst(rest.count - 1 << 16) }
        state.condition.withLock {
          for line in complete.dropLast() {
            state.lines.append(String(decoding: line, as: UTF8.self))
          }
          state.condition.signal()
        }
      }
      state.condition.withLock {
        if !rest.isEmpty { state.lines.append(String(decoding: rest, as: UTF8.self)) }
        state.isFinished = true
        state.condition.signal()
      }
    }
    thread.name = "ffmpeg-messages"
    thread.start()
  }

  /// All lines that have come since the last call, at least one; empty once there are no more.
  func take() -> [String] {
    state.condition.withLock {
      while state.lines.isEmpty && !state.isFinished { state.condition.wait() }
      defer { state.lines = [] }
      return state.lines
    }
  }

  /// Waits for the end; the last lines, as far as they were not taken.
  func waitForAll() -> [String] {
    state.condition.withLock {
      while !state.isFinished { state.condition.wait() }
      defer { state.lines = [] }
      return state.lines
    }
  }
}

import Foundation
import Testing

@testable import Frames
@testable import Pictures

/// Videos that ffmpeg makes for a test, removed with it.
final class TestVideos {
  /// Tests of videos run where ffmpeg is installed; `.ci/run` does that.
  static var canRun: Bool { FFmpegTools().areInstalled }

  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// Runs ffmpeg with `arguments` and the file `name` as its output.
  @discardableResult
  func make(_ name: String, _ arguments: String...) throws -> String {
    let path = folder.path(name)
    try Self.run("ffmpeg", ["-v", "error", "-y", "-nostdin"] + arguments + [path])
    return path
  }

  /// A moving test card of `frames` frames at 10 a second, in colour, 96x64.
  func card(_ name: String, frames: Int = 30, codec: [String] = ["-c:v", "mpeg4"]) throws -> String
  {
    let path = folder.path(name)
    let source = "testsrc=s=96x64:r=10:d=\(Double(frames) / 10)"
    try Self.run(
      "ffmpeg", ["-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i", source] + codec + [path])
    return path
  }

  /// The timestamps that ffprobe finds, in seconds.
  static func timestamps(of path: String) throws -> [Double] {
    try run(
      "ffprobe",
      [
        "-v", "error", "-select_streams", "v:0", "-show_entries",
        "frame=best_effort_timestamp_time", "-of", "csv=p=0", path,
      ]
    ).split { ",\n".contains($0) }.compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
  }

  @discardableResult
  static func run(_ tool: String, _ arguments: [String]) throws -> String {
    let child = try FFmpegTools().start(tool, arguments, for: "a test")
    let messages = LineReader(child.errors)
    let output = LineReader(child.output).waitForAll()
    let errors = messages.waitForAll()
    try #require(child.wait() == .exited(0), "\(tool) \(arguments): \(errors)")
    return output.joined(separator: "\n")
  }

  /// A program named ffmpeg or ffprobe that does what `script` says, in a folder for a search path.
  func fake(_ tool: String, _ script: String, shell: String = "/bin/sh") throws -> String {
    let text = try folder.write(Array("#!\(shell)\n\(script)\n".utf8), to: "tools/\(tool).text")
    let path = folder.path("tools/\(tool)")
    // Written by another process: children of tests beside this one would inherit a descriptor that is open for
    // writing, and what is open for writing cannot be run ("Text file busy").
    let copy = Process()
    copy.executableURL = URL(fileURLWithPath: "/bin/cp")
    copy.arguments = [text, path]
    try copy.run()
    copy.waitUntilExit()
    chmod(path, 0o755)
    return folder.path("tools")
  }
}

/// Pictures whose frame number can be read back: `side` x `side`, of one grey level each.
func numberedImage(_ number: Int, width: Int = 16, height: Int = 12) -> RGBImage {
  let level = UInt8(number * 7 % 256)
  return RGBImage(width: width, height: height, color: RGBColor(level, level, level))
}

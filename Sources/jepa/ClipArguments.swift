import ArgumentParser
import Foundation
import Frames
import Torch

/// Where it is computed, for every command that reads clips.
struct ComputeArguments: ParsableArguments {
  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Option(parsing: .unconditional, help: "Threads of one operation.")
  var threads: Int?

  func validate() throws { try ThreadCount.check(threads) }

  /// Sets the number of threads.
  ///
  /// - Returns: the device.
  func start() throws -> Device {
    if let threads { Session.threadCount = threads }
    return try Device(device)
  }
}

/// The number of threads of one operation, as commands take it.
enum ThreadCount {
  static func check(_ threads: Int?) throws {
    guard let threads, !(1...1024).contains(threads) else { return }
    throw ValidationError("--threads: expected 1 to 1024, found \(threads)")
  }
}

/// Which frames of an input, for every command that reads clips.
struct FrameArguments: ParsableArguments {
  @Option(
    parsing: .unconditional, help: "Leave out what comes before this time, in seconds.")
  var start = 0.0

  @Option(
    parsing: .unconditional, help: "Leave out this time and what comes after, in seconds.")
  var end: Double?

  @Option(parsing: .unconditional, help: "Take one frame in so many.")
  var every = 1

  @Option(
    parsing: .unconditional, help: "The rate of frame folders and raw frames, which state none.")
  var fps = 25.0

  @Option(help: "The size of raw frames on the standard input, such as 640x360.")
  var rawSize: String?

  @Flag(help: "Accept frames of several sizes, and resize them to the first.")
  var resize = false

  @OptionGroup var pictures: PictureOptions

  func validate() throws {
    if let rawSize, FrameSize(rawSize) == nil {
      throw ValidationError("--raw-size: expected WIDTHxHEIGHT, such as 640x360, found \(rawSize)")
    }
  }

  var options: FrameOptions {
    get throws {
      FrameOptions(
        startSeconds: start, endSeconds: end, every: every, assumedFramesPerSecond: fps,
        resizesFrames: resize, rawSize: rawSize.flatMap { FrameSize($0) },
        decoder: pictures.decoder)
    }
  }
}

/// Where the model of clips is looked for unless a command is told otherwise: in the working folder, or else beside
/// the program, as far up as a package is: the one that ships.
enum ClipModelLocation {
  static let usual: String = {
    let place = "checkpoints/video"
    if FileManager.default.fileExists(atPath: place) { return place }
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    var folder = URL(fileURLWithPath: program).resolvingSymlinksInPath()
    for _ in 0..<5 {
      folder.deleteLastPathComponent()
      let candidate = folder.appendingPathComponent(place).path
      if FileManager.default.fileExists(atPath: candidate) { return candidate }
    }
    return place
  }()
}

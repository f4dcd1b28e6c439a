import Foundation
import Pictures

/// Width and height in pixels.
public struct FrameSize: Codable, Sendable, Equatable {
  public var width: Int
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Reads "640x360".
  public init?(_ text: String) {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false)
    guard sides.count == 2, let width = Int(sides[0]), let height = Int(sides[1]), width > 0,
      height > 0
    else { return nil }
    self.init(width: width, height: height)
  }

  /// The size with the same shape whose shorter side is `shortSide`.
  ///
  /// Nothing is enlarged, the longer side is at most 16 times `shortSide`, and no side is below 1.
  public func reduced(toShortSide shortSide: Int) -> FrameSize {
    let scale = min(
      1, Double(shortSide) / Double(min(width, height)),
      16 * Double(shortSide) / Double(max(width, height)))
    return FrameSize(
      width: max(1, Int((Double(width) * scale).rounded())),
      height: max(1, Int((Double(height) * scale).rounded())))
  }
}

extension FrameSize: CustomStringConvertible {
  public var description: String { "\(width)x\(height)" }
}

/// Which frames of an input are delivered, and how large.
public struct FrameOptions: Codable, Sendable, Equatable {
  /// Frames before this time are left out, in seconds from the beginning of the input.
  public var startSeconds: Double
  /// Frames at this time and later are left out.
  public var endSeconds: Double?
  /// One frame in so many is delivered, the first one included.
  public var every: Int
  /// The shorter side of the frames that are delivered, in pixels; nil for the input's own size.
  ///
  /// A video is decoded and scaled once: 128 is enough for the pixel statistics, and what a model
  /// looks at is made from it.
  public var shortSide: Int?
  /// The rate of inputs that state none: frame folders and raw frames.
  public var assumedFramesPerSecond: Double
  /// Whether frames of a folder that have another size than the first are resized to it; an error
  /// otherwise.
  public var resizesFrames: Bool
  /// The size of raw frames on the standard input.
  public var rawSize: FrameSize?
  /// How the pictures of a folder are decoded.
  public var decoder: ImageDecoder

  public init(
    startSeconds: Double = 0, endSeconds: Double? = nil, every: Int = 1, shortSide: Int? = 128,
    assumedFramesPerSecond: Double = 25, resizesFrames: Bool = false, rawSize: FrameSize? = nil,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    self.startSeconds = startSeconds
    self.endSeconds = endSeconds
    self.every = every
    self.shortSide = shortSide
    self.assumedFramesPerSecond = assumedFramesPerSecond
    self.resizesFrames = resizesFrames
    self.rawSize = rawSize
    self.decoder = decoder
  }

  /// - Throws: `FrameError.invalidSetting`, naming the option.
  func validate() throws(FrameError) {
    func check(
      _ holds: Bool, _ name: String, _ expected: String, _ found: String
    ) throws(FrameError) {
      guard holds else {
        throw .invalidSetting(name: name, expected: expected, found: found)
      }
    }
    try check(
      startSeconds >= 0 && startSeconds.isFinite, "start", "0 seconds or more", "\(startSeconds)")
    if let endSeconds {
      try check(
        endSeconds > startSeconds, "end", "a time after the start at \(startSeconds) s",
        "\(endSeconds)")
    }
    try check((1...1_000_000).contains(every), "every", "1 to 1000000", "\(every)")
    if let shortSide {
      try check((1...4096).contains(shortSide), "size", "1...4096 pixels", "\(shortSide)")
    }
    try check(
      (0.001...100_000).contains(assumedFramesPerSecond), "frames per second",
      "0.001 to 100000", "\(assumedFramesPerSecond)")
    if let rawSize {
      try check(
        (1...32768).contains(rawSize.width) && (1...32768).contains(rawSize.height), "raw size",
        "sides of 1...32768 pixels", "\(rawSize)")
    }
  }

  /// The size of what is delivered from frames of `size`.
  func deliveredSize(of size: FrameSize) -> FrameSize {
    shortSide.map(size.reduced(toShortSide:)) ?? size
  }

  /// The first of `count` frames at `framesPerSecond` that is delivered, and the one after the last.
  func range(count: Int, framesPerSecond: Double) -> Range<Int> {
    // A time that is meant to be a frame's own may be off by a rounding error.
    func index(_ seconds: Double) -> Int {
      Int(min((seconds * framesPerSecond - 1e-6).rounded(.up), Double(count)))
    }
    let start = max(0, index(startSeconds))
    return start..<max(start, endSeconds.map(index) ?? count)
  }
}

import Foundation
import Pictures

/// One picture of a video, upright, scaled to the size that the source delivers.
public struct VideoFrame: Sendable, Equatable {
  /// Its place in the input, counted from 0 at the first frame of the chosen stretch; frames that
  /// `every` leaves out are counted, frames of a folder that cannot be read too.
  public let index: Int
  /// When it is shown, in seconds from the beginning of the input: the file's own timestamp, which
  /// need not be a multiple of anything.
  public let seconds: Double
  public let image: RGBImage

  public init(index: Int, seconds: Double, image: RGBImage) {
    self.index = index
    self.seconds = seconds
    self.image = image
  }
}

/// Frames one after the other, each asked for when it is wanted.
///
/// A source holds no more than a frame or two, however long the input is; all its frames have one
/// size. It belongs to one thread at a time.
public protocol FrameSource: AnyObject {
  /// What the input is called in messages: a path, or `-` for the standard input.
  var name: String { get }
  /// The average rate that the input states, or that it was opened with; nil where it states none.
  var framesPerSecond: Double? { get }
  /// How many frames the input claims to have in the chosen stretch; nil where it does not say.
  /// A hint for progress, not a promise.
  var expectedCount: Int? { get }
  /// What was wrong with the input so far. Complete once `next()` has returned nil.
  var problems: FrameProblems { get }

  /// The next frame; nil after the last one.
  ///
  /// - Throws: `FrameError` where the input cannot be read at all. Damage that leaves other frames
  ///   readable is listed in `problems` instead.
  func next() throws(FrameError) -> VideoFrame?
}

/// Something wrong with an input that did not end the reading of it.
public struct FrameProblem: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable {
    /// Data that could not be decoded, wholly or in part.
    case damage
    /// A file of a frame folder that could not be read; its frame is missing.
    case unreadableFrame
    /// Frame numbers of a folder that have no file.
    case missingNumbers
    /// A stretch of an otherwise regular video without a frame.
    case gap
    /// A frame of another size, which was resized.
    case resized

    /// Whether something of the input was lost. What is no damage is worth a word, but no failure.
    public var isDamage: Bool { self == .damage || self == .unreadableFrame }
  }

  public let kind: Kind
  /// The index of the frame at which it was noticed.
  public let index: Int
  /// The time of that frame. Decoders run ahead of what they deliver, so that the damage itself may
  /// lie some frames later.
  public let seconds: Double
  /// One line, without the time.
  public let message: String

  public init(kind: Kind, index: Int, seconds: Double, message: String) {
    self.kind = kind
    self.index = index
    self.seconds = seconds
    self.message = message
  }
}

extension FrameProblem: CustomStringConvertible {
  public var description: String {
    "frame \(index) (\(String(format: "%.3f", seconds)) s): \(message)"
  }
}

/// The first thousand problems of an input, and how many there were in all.
public struct FrameProblems: Codable, Sendable, Equatable {
  static let mostKept = 1000

  public private(set) var first: [FrameProblem] = []
  /// How many there were.
  public private(set) var count = 0
  /// How many of them lost something of the input.
  public private(set) var damageCount = 0

  public init() {}

  public var isEmpty: Bool { count == 0 }

  mutating func append(_ problem: FrameProblem) {
    count += 1
    if problem.kind.isDamage { damageCount += 1 }
    if first.count < Self.mostKept { first.append(problem) }
  }
}

/// Frames that are in memory already.
public final class MemoryFrameSource: FrameSource {
  public let name: String
  public let framesPerSecond: Double?
  public let problems = FrameProblems()
  private let images: [RGBImage]
  private var position = 0

  /// - Parameters:
  ///   - images: the frames, in order.
  ///   - framesPerSecond: frame `t` is shown at `t / framesPerSecond` seconds.
  ///   - name: what messages call it.
  /// - Precondition: all pictures are of one size, and the rate is positive.
  public init(_ images: [RGBImage], framesPerSecond: Double = 25, name: String = "frames in memory")
  {
    precondition(framesPerSecond > 0, "a rate of \(framesPerSecond) frames a second")
    if let first = images.first {
      for image in images where image.width != first.width || image.height != first.height {
        preconditionFailure(
          "frames of \(first.width)x\(first.height) and of \(image.width)x\(image.height)")
      }
    }
    self.images = images
    self.framesPerSecond = framesPerSecond
    self.name = name
  }

  public var expectedCount: Int? { images.count }

  public func next() -> VideoFrame? {
    guard position < images.count else { return nil }
    defer { position += 1 }
    return VideoFrame(
      index: position, seconds: Double(position) / framesPerSecond!, image: images[position])
  }
}

extension FrameSource {
  /// All frames that are left: for inputs known to be short.
  public func remainingFrames() throws(FrameError) -> [VideoFrame] {
    var frames: [VideoFrame] = []
    while let frame = try next() { frames.append(frame) }
    return frames
  }
}

import Files
import Foundation
import Pictures

/// Frames of three bytes a pixel, one after the other, from a file descriptor.
public final class RawFrameSource: FrameSource {
  public let name = "-"
  public private(set) var problems = FrameProblems()
  public let expectedCount: Int? = nil
  private let descriptor: Int32
  private let options: FrameOptions
  private let size: FrameSize
  private let delivered: FrameSize
  private let range: Range<Int>
  private var position = 0
  private var bytes: [UInt8]
  private let workspace = ImageWorkspace()

  /// - Parameter descriptor: stays open.
  /// - Throws: `FrameError.rawSizeMissing` where `options.rawSize` is nil.
  init(descriptor: Int32, options: FrameOptions) throws(FrameError) {
    guard let size = options.rawSize else { throw .rawSizeMissing }
    self.descriptor = descriptor
    self.options = options
    self.size = size
    delivered = options.deliveredSize(of: size)
    range = options.range(count: .max / 2, framesPerSecond: options.assumedFramesPerSecond)
    bytes = [UInt8](repeating: 0, count: size.width * size.height * 3)
  }

  public var framesPerSecond: Double? { options.assumedFramesPerSecond }

  public func next() throws(FrameError) -> VideoFrame? {
    while position < range.upperBound {
      let count: Int
      do {
        count = try bytes.withUnsafeMutableBytes { try FileBytes.read(descriptor, into: $0) }
      } catch {
        throw .unreadable(path: name, reason: "\(error)")
      }
      let index = position - range.lowerBound
      let seconds = Double(position) / options.assumedFramesPerSecond
      guard count == bytes.count else {
        if count > 0 {
          problems.append(
            FrameProblem(
              kind: .damage, index: max(0, index), seconds: seconds,
              message: "the input ends after \(count) of the frame's \(bytes.count.counted("byte"))"
            ))
        }
        break
      }
      position += 1
      guard index >= 0, index % options.every == 0 else { continue }
      let image = bytes.withUnsafeBufferPointer {
        workspace.resized($0.baseAddress!, from: size, to: delivered)
      }
      return VideoFrame(index: index, seconds: seconds, image: image)
    }
    guard position > range.lowerBound else {
      throw .noFrames(
        path: name,
        reason: problems.first.first?.message
          ?? (position == 0 ? "the input is empty" : "it ends before the start"))
    }
    return nil
  }
}

/// Reading whole frames from pipes.
enum FileBytes {
  struct SystemFailure: Error, CustomStringConvertible {
    let description: String
  }

  /// Fills `buffer`, or as much of it as there is before the end; how many bytes that is.
  static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var length = 0
    while length < buffer.count {
      let count = Foundation.read(descriptor, buffer.baseAddress! + length, buffer.count - length)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SystemFailure(description: ImageFile.lastSystemError()) }
      if count == 0 { break }
      length += count
    }
    return length
  }
}

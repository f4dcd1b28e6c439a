import Foundation
import Pictures

/// The pictures of a folder as frames at an assumed rate, each decoded when it is asked for.
///
/// A picture that cannot be read is left out and listed; its place and its time stay empty.
public final class FolderFrameSource: FrameSource {
  public private(set) var problems = FrameProblems()
  private let folder: FrameFolder
  private let options: FrameOptions
  private let range: Range<Int>
  private var position: Int
  private var gaps: ArraySlice<(index: Int, first: Int, count: Int)>
  private let workspace = ImageWorkspace()
  /// The size of the first picture that could be read, and what is made of it.
  private var size: (found: FrameSize, delivered: FrameSize)?
  private var deliveredCount = 0

  init(_ folder: FrameFolder, options: FrameOptions) {
    self.folder = folder
    self.options = options
    range = options.range(
      count: folder.names.count, framesPerSecond: options.assumedFramesPerSecond)
    position = range.lowerBound
    gaps = folder.missingNumbers[...]
    gaps = gaps.drop { $0.index < max(1, self.position) }
  }

  public var name: String { folder.path }
  public var framesPerSecond: Double? { options.assumedFramesPerSecond }
  public var expectedCount: Int? { (range.count + options.every - 1) / options.every }

  public func next() throws(FrameError) -> VideoFrame? {
    while position < range.upperBound {
      let index = position - range.lowerBound
      let seconds = Double(position) / options.assumedFramesPerSecond
      noteMissingNumbers(upTo: position, index: index, seconds: seconds)
      let path = "\(folder.path)/\(folder.names[position])"
      position += options.every
      let decoded: (image: RGBImage, size: FrameSize)
      do {
        decoded = try decode(path)
      } catch {
        note(.unreadableFrame, index, seconds, error.description)
        continue
      }
      if let size, size.found != decoded.size {
        guard options.resizesFrames else {
          throw .sizeChanged(path: path, expected: "\(size.found)", found: "\(decoded.size)")
        }
        note(
          .resized, index, seconds,
          "\(path): \(decoded.size), resized to the first frame's \(size.found)")
      }
      deliveredCount += 1
      return VideoFrame(index: index, seconds: seconds, image: decoded.image)
    }
    guard deliveredCount > 0 else {
      let reason = problems.first.first?.message ?? "no frame lies between start and end"
      throw .noFrames(path: folder.path, reason: reason)
    }
    return nil
  }

  private func noteMissingNumbers(upTo position: Int, index: Int, seconds: Double) {
    while let gap = gaps.first, gap.index <= position {
      let numbers =
        gap.count == 1
        ? "number \(gap.first) is missing"
        : "\(gap.count) numbers are missing from \(gap.first)"
      note(.missingNumbers, index, seconds, "\(numbers) before \(folder.names[gap.index])")
      gaps = gaps.dropFirst()
    }
  }

  private func note(_ kind: FrameProblem.Kind, _ index: Int, _ seconds: Double, _ message: String) {
    problems.append(FrameProblem(kind: kind, index: index, seconds: seconds, message: message))
  }

  /// Decodes a picture at the smallest scale that is enough, and resizes it to the delivered size.
  private func decode(_ path: String) throws(ImageError) -> (RGBImage, FrameSize) {
    let bytes = try ImageFile.read(path, name: path, into: &workspace.file)
    let decoder = options.decoder
    let header = try decoder.header(bytes, name: path)
    let found = FrameSize(width: header.width, height: header.height)
    let target = size?.delivered ?? options.deliveredSize(of: found)
    let whole = CropBox(width: header.width, height: header.height)
    let region = try decoder.decode(
      bytes, header: header, name: path,
      scaleInEighths: ImageDecoder.scaleInEighths(
        for: header, crops: [(whole, target.width, target.height)]),
      covering: [whole], margin: 0, workspace: workspace)
    let image = workspace.resized(
      region.pixels, from: FrameSize(width: region.width, height: region.height), to: target)
    if size == nil { size = (found, target) }
    return (image, found)
  }
}

import Files
import Foundation
import Frames
import Pictures

/// The frames of a video or a frame folder as pictures to be read, one after the other.
///
/// What cannot be read is a picture that cannot: it is skipped, counted and named.
struct FrameEntries: IteratorProtocol {
  private let path: String
  private let label: String?
  private let options: FrameOptions
  private var source: (any FrameSource)?
  private var isFinished = false
  private var damage: [FrameProblem] = []

  init(_ path: String, options: FrameOptions) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    self.options = options
    var status = stat()
    let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    label =
      isFolder
      ? PathParts(self.path).name : ImageEntry(file: self.path).label
  }

  mutating func next() -> ImageEntry? {
    if isFinished { return damage.popLast().map { entry(.corrupt(path: path, reason: "\($0)")) } }
    do throws(FrameError) {
      if source == nil { source = try FrameInput.open(path, options: options) }
      guard let frame = try source!.next() else {
        finish()
        return next()
      }
      return ImageEntry(
        .decoded(frame.image), path: path, label: label, frame: frame.index,
        seconds: frame.seconds)
    } catch {
      let hasBegun = source != nil
      finish()
      damage = []
      if !hasBegun, let kind = FileSignature.stillKind(ofFile: path) {
        return entry(.notAPicture(path: path, found: kind))
      }
      return entry(error.asImageError(path: path))
    }
  }

  /// Lets go of the source; what it lost is told afterwards.
  private mutating func finish() {
    isFinished = true
    damage = (source?.problems.first.filter(\.kind.isDamage) ?? []).reversed()
    source = nil
  }

  private func entry(_ error: ImageError) -> ImageEntry {
    ImageEntry(.unreadable(error), path: path, label: label)
  }
}

extension FrameError {
  /// The same as an error of a picture, its path said once.
  func asImageError(path: String) -> ImageError {
    let text = description
    let prefix = "\(path): "
    return .unreadableFile(
      path: path, reason: text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
  }
}

/// Frames of videos and frame folders by their places, for contact sheets and thumbnails.
///
/// Frames that are asked for in order are read in one pass.
struct FrameReader {
  private var current: (path: String, source: any FrameSource, last: Int)?

  /// The frame at a place.
  ///
  /// - Parameter shortSide: the shorter side that it is scaled to, in pixels.
  /// - Throws: `ImageError.unreadableFile`.
  mutating func picture(
    _ index: Int, of path: String, shortSide: Int
  ) throws(ImageError) -> RGBImage {
    do throws(FrameError) {
      if current?.path != path || current!.last >= index {
        let options = FrameOptions(shortSide: shortSide, resizesFrames: true)
        current = (path, try FrameInput.open(path, options: options), -1)
      }
      while let frame = try current!.source.next() {
        current!.last = frame.index
        if frame.index == index { return frame.image }
        if frame.index > index { break }
      }
    } catch {
      current = nil
      throw error.asImageError(path: path)
    }
    throw .unreadableFile(path: path, reason: "it has no frame \(index)")
  }
}

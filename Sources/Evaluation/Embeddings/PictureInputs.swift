import Foundation
import VisionJEPA

/// What is to be embedded: folders, pictures, videos and lists of paths, as one sequence that is gone
/// through once.
///
/// A folder's names are held, and nothing else: pictures, frames and lists are read as they are needed.
public struct PictureInputs: Sequence {
  private enum Part {
    case folder(ImageFolder)
    case picture(String)
    case frames(String)
    case list(TextLines)
  }

  private var parts: [Part] = []
  private let frameOptions: FrameOptions
  /// How many pictures there are; nil where a list comes from a pipe, or where there are videos.
  public private(set) var count: Int? = 0
  /// Why files of the folders are no pictures, or cannot be read: the first thousand of each folder.
  public private(set) var skipped: [ImageError] = []
  /// How many such files there are.
  public private(set) var skippedCount = 0

  /// Looks at what is there.
  ///
  /// - Parameters:
  ///   - inputs: paths of folders, pictures and videos.
  ///   - lists: paths of files with a picture's path in each line; `-` is the standard input.
  ///   - foldersAreFrames: whether a folder holds the frames of one video, in the natural order of their
  ///     names, rather than pictures.
  ///   - frameOptions: which frames, and how large.
  /// - Throws: `ImageError` for an input that is not there, or a folder without pictures;
  ///   `EvaluationError.system` for a list that cannot be read.
  public init(
    _ inputs: [String], lists: [String] = [], foldersAreFrames: Bool = false,
    frameOptions: FrameOptions = FrameOptions()
  ) throws {
    self.frameOptions = frameOptions
    for input in inputs {
      var status = stat()
      guard stat(input, &status) == 0 else {
        throw ImageError.unreadableFile(path: input, reason: String(cString: strerror(errno)))
      }
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      if isFolder, !foldersAreFrames {
        let folder = try ImageFolder(input)
        skipped += folder.skipped.map(\.error)
        skippedCount += folder.skippedCount
        add(.folder(folder), count: folder.count)
      } else if isFolder || !ImageEntry.isPicture(atPath: input) {
        add(.frames(input), count: nil)
      } else {
        add(.picture(input), count: 1)
      }
    }
    for list in lists {
      let lines = try TextLines(path: list)
      add(.list(lines), count: lines.count)
    }
  }

  private mutating func add(_ part: Part, count more: Int?) {
    parts.append(part)
    count = count.flatMap { count in more.map { count + $0 } }
  }

  public func makeIterator() -> AnyIterator<ImageEntry> {
    var rest = parts.makeIterator()
    var current: () -> ImageEntry? = { nil }
    return AnyIterator<ImageEntry> { () -> ImageEntry? in
      while true {
        if let entry = current() { return entry }
        guard let part = rest.next() else { return nil }
        switch part {
        case .folder(let folder):
          var indices = (0..<folder.count).makeIterator()
          current = { indices.next().map(folder.entry(of:)) }
        case .picture(let path):
          var once: ImageEntry? = ImageEntry(file: path)
          current = { once.take() }
        case .frames(let path):
          var frames = FrameEntries(path, options: frameOptions)
          current = { frames.next() }
        case .list(let lines):
          current = { lines.next().map(ImageEntry.init(fileSystemPath:)) }
        }
      }
    }
  }
}

import Files
import Foundation
import Frames
import Pictures

/// What is to be embedded: folders, pictures, videos and lists of paths, as one sequence that is gone
/// through once.
///
/// A folder's names are held, and nothing else: pictures, frames and lists are read as they are needed.
/// A file that is named more than once, by whatever paths or links, is one file: it comes once, where
/// it is first named.
public struct PictureInputs: Sequence {
  fileprivate enum Part {
    case folder(ImageFolder)
    case picture(String)
    case frames(String)
    case list(TextLines)
    case unreadable(ImageError)
  }

  private var parts: [Part] = []
  private let frameOptions: FrameOptions
  /// How many pictures are named; nil where a list comes from a pipe, or where there are videos.
  public private(set) var count: Int? = 0
  /// Why files of the folders are no pictures, or cannot be read.
  public private(set) var skipped: [ImageError] = []
  private var folders: [ImageFolder] = []

  /// Looks at what is there.
  ///
  /// - Parameters:
  ///   - inputs: paths of folders, pictures and videos.
  ///   - lists: paths of files with a picture's path in each line, or with paths that NUL ends; `-` is
  ///     the standard input.
  ///   - foldersAreFrames: whether a folder holds the frames of one video, in the natural order of their
  ///     names, rather than pictures.
  ///   - frameOptions: which frames, and how large.
  /// - Throws: `ImageError` for an input that is not there, or a folder without pictures;
  ///   `FileError.failed` for a list that cannot be read, `.listNotUTF8`.
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
        folders.append(folder)
        skipped += folder.skipped.map(\.error)
        add(.folder(folder), count: folder.count)
      } else if !isFolder, let special = ImageFile.special(status.st_mode) {
        add(.unreadable(.unreadableFile(path: input, reason: special)), count: 1)
      } else if isFolder || !ImageEntry.isPicture(atPath: input) {
        add(.frames(input), count: nil)
      } else {
        add(.picture(input), count: 1)
      }
    }
    for list in lists {
      let lines = try TextLines(paths: list)
      add(.list(lines), count: lines.count)
    }
  }

  private mutating func add(_ part: Part, count more: Int?) {
    parts.append(part)
    count = count.flatMap { count in more.map { count + $0 } }
  }

  /// What strictness asks of the folders: everything in them can be read.
  ///
  /// - Throws: the first error of a folder.
  public func requireReadable() throws(ImageError) {
    for folder in folders { try folder.requireReadable() }
  }

  public func makeIterator() -> Iterator {
    Iterator(parts: parts, frameOptions: frameOptions)
  }

  /// Goes through the pictures, and notes what is odd about their names.
  public final class Iterator: IteratorProtocol {
    private var rest: IndexingIterator<[Part]>
    private let frameOptions: FrameOptions
    private var current: () -> ImageEntry? = { nil }
    private var known: Set<FileIdentity> = []
    /// How many paths so far led to a file that had come before, and the first of them.
    public private(set) var repeated: (count: Int, first: String)?
    /// How many names so far are not UTF-8, and the first of them.
    public private(set) var inexact: (count: Int, first: String)?

    fileprivate init(parts: [Part], frameOptions: FrameOptions) {
      rest = parts.makeIterator()
      self.frameOptions = frameOptions
    }

    public func next() -> ImageEntry? {
      while true {
        if let entry = current() {
          if case .file(let path) = entry.content, isKnown(FileIdentity(fileSystemPath: path)) {
            repeated = ((repeated?.count ?? 0) + 1, repeated?.first ?? entry.path)
            continue
          }
          if !entry.isSpelledExactly {
            inexact = ((inexact?.count ?? 0) + 1, inexact?.first ?? entry.path)
          }
          return entry
        }
        guard let part = rest.next() else { return nil }
        switch part {
        case .folder(let folder):
          var indices = (0..<folder.count).makeIterator()
          current = { indices.next().map(folder.entry(of:)) }
        case .picture(let path):
          var once: ImageEntry? = ImageEntry(file: path)
          current = { once.take() }
        case .frames(let path):
          guard !isKnown(FileIdentity(path: path)) else {
            repeated = ((repeated?.count ?? 0) + 1, repeated?.first ?? path)
            continue
          }
          var frames = FrameEntries(path, options: frameOptions)
          current = { frames.next() }
        case .list(let lines):
          current = { lines.next().map(ImageEntry.init(fileSystemPath:)) }
        case .unreadable(let error):
          var once: ImageEntry? = ImageEntry(.unreadable(error), path: error.path ?? "")
          current = { once.take() }
        }
      }
    }

    /// Whether a file came before. One that cannot be examined never did: reading it says why.
    private func isKnown(_ file: FileIdentity?) -> Bool {
      file.map { !known.insert($0).inserted } ?? false
    }

    /// What is to be said of the names, a line each.
    public var remarks: [String] {
      var remarks: [String] = []
      if let repeated {
        remarks.append(
          "\(repeated.count.counted("path")) led to files that came before: each file is embedded "
            + "once; the first: \(repeated.first)")
      }
      if let inexact {
        remarks.append(
          "\(inexact.count.counted("name")) not in UTF-8: such files cannot be found again by the "
            + "paths in the file of embeddings; the first: \(inexact.first)")
      }
      return remarks
    }
  }
}

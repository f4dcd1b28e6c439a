import Files
import Foundation

/// A picture to be read, and what is known of it.
public struct ImageEntry: Sendable {
  /// Where its pixels come from.
  public enum Content: Sendable {
    /// A file, by its path as the file system spells it, which need not be UTF-8; ended by zero.
    case file([CChar])
    /// A picture that is decoded already, such as a frame of a video.
    case decoded(RGBImage)
    /// What is known before it is read: it cannot be.
    case unreadable(ImageError)
  }

  public let content: Content
  /// What it is called in lists and errors.
  public let path: String
  /// The name of the folder that it lies in; nil where that says nothing.
  public let label: String?
  /// Its place in a video, from 0; nil for a picture.
  public let frame: Int?
  /// When it is shown, from the video's beginning; nil for a picture.
  public let seconds: Double?

  public init(
    _ content: Content, path: String, label: String? = nil, frame: Int? = nil,
    seconds: Double? = nil
  ) {
    self.content = content
    self.path = path
    self.label = label
    self.frame = frame
    self.seconds = seconds
  }

  /// Whether the file at `path` begins like a picture that is read.
  public static func isPicture(atPath path: String) -> Bool {
    FileSignature.head(ofFile: path).map(FileSignature.isPicture) ?? false
  }

  /// The picture in the file at `path`; its label is the name of the folder that it lies in.
  public init(file path: String) { self.init(fileSystemPath: Array(path.utf8)) }

  /// The picture in a file, by its path as the file system spells it.
  public init(fileSystemPath bytes: [UInt8]) {
    let path = String(decoding: bytes, as: UTF8.self)
    guard !bytes.contains(0) else {
      // The system would read another file, whose path ends there.
      let error = ImageError.unreadableFile(path: path, reason: "the path holds a NUL byte")
      self.init(.unreadable(error), path: path)
      return
    }
    self.init(
      .file(bytes.map { CChar(bitPattern: $0) } + [0]), path: path,
      label: Self.label(ofFile: path))
  }

  /// The name of the folder that a file lies in, however its path is spelled: also for a path without
  /// a folder, that of the folder one is in. nil in the root folder.
  public static func label(ofFile path: String) -> String? {
    let whole =
      path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    var folders: [Substring] = []
    for part in whole.split(separator: "/").dropLast() {
      switch part {
      case ".": continue
      case "..": _ = folders.popLast()
      default: folders.append(part)
      }
    }
    return folders.last.map(String.init)
  }

  /// Whether `path` spells the file's name as the file system does: names that are not UTF-8 cannot be
  /// spelled as text.
  public var isSpelledExactly: Bool {
    guard case .file(let bytes) = content else { return true }
    return bytes.dropLast().elementsEqual(path.utf8.lazy.map { CChar(bitPattern: $0) })
  }
}

/// How far a sequence of pictures has been read, and which they were.
public struct ImagePosition: Codable, Equatable, Sendable {
  /// The pictures up to here.
  public private(set) var count = 0
  /// Made of their paths and frames: the same pictures in the same order give the same.
  public private(set) var fingerprint = Fingerprint().value

  public init() {}

  /// Goes past one more picture.
  public mutating func pass(_ entry: ImageEntry) {
    count += 1
    var passed = Fingerprint(fingerprint)
    passed.add(entry.path.utf8)
    passed.add(0)
    if let frame = entry.frame { passed.addBytes(of: frame) }
    fingerprint = passed.value
  }
}

import CImage
import Foundation
import TrainingRuns

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

  /// Whether the file at `path` begins like a PNG or a JPEG.
  public static func isPicture(atPath path: String) -> Bool {
    guard let file = FileHandle(forReadingAtPath: path),
      let head = try? file.read(upToCount: 16), !head.isEmpty
    else { return false }
    return head.withUnsafeBytes {
      cimage_sniff($0.bindMemory(to: UInt8.self).baseAddress!, head.count) != CIMAGE_UNKNOWN
    }
  }

  /// The picture in the file at `path`; its label is the folder that the path names last.
  public init(file path: String) { self.init(fileSystemPath: Array(path.utf8)) }

  /// The picture in a file, by its path as the file system spells it.
  public init(fileSystemPath bytes: [UInt8]) {
    let path = String(decoding: bytes, as: UTF8.self)
    let folder = PathParts(PathParts(path).folder).name
    let isLabel = !folder.isEmpty && ![".", "..", "/"].contains(folder)
    self.init(
      .file(bytes.map { CChar(bitPattern: $0) } + [0]), path: path, label: isLabel ? folder : nil)
  }
}

/// How far a sequence of pictures has been read, and which they were.
public struct ImagePosition: Codable, Equatable, Sendable {
  /// The pictures up to here.
  public private(set) var count = 0
  /// A checksum (FNV-1a) over their paths and frames: the same pictures in the same order give the same.
  public private(set) var fingerprint: UInt64 = 0xCBF2_9CE4_8422_2325

  public init() {}

  /// Goes past one more picture.
  public mutating func pass(_ entry: ImageEntry) {
    count += 1
    for byte in entry.path.utf8 { mix(byte) }
    mix(0)
    guard let frame = entry.frame else { return }
    for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: frame >> shift)) }
  }

  private mutating func mix(_ byte: UInt8) {
    fingerprint = (fingerprint ^ UInt64(byte)) &* 0x100_0000_01B3
  }
}

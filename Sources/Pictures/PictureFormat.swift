import CImage
import Files

/// A kind of picture that is read. Files are recognised by content; endings only say what a file is meant
/// to be.
public struct PictureFormat: Sendable, Equatable {
  /// What messages call it, such as "PNG".
  public let name: String
  /// The endings of its files, in lower case and without a dot.
  public let endings: [String]

  /// All that are read: the table of `cimage.c`.
  public static let all: [PictureFormat] = (0...).lazy.map { cimage_format_at($0) }
    .prefix { $0 != nil }.map { format in
      PictureFormat(
        name: String(cString: format!.pointee.name),
        endings: String(cString: format!.pointee.endings).split(separator: " ").map(String.init))
    }

  /// Their endings.
  public static let endings = all.flatMap(\.endings)

  /// Their names: "PNG or JPEG".
  public static let names = all.map(\.name).joined(with: "or")

  /// Whether the ending of a path is that of a picture that is read.
  package static func isNamedLikeOne(_ path: String) -> Bool {
    endings.contains(PathParts(path).ending.lowercased())
  }
}

extension OutputFiles {
  /// - Parameters:
  ///   - files: what is to be written.
  ///   - isForced: whether files that this program did not make may be overwritten; what is read never is.
  public init(_ files: [OutputFile], isForced: Bool = false) {
    self.init(files, isForced: isForced, endingsOfPictures: PictureFormat.endings)
  }
}

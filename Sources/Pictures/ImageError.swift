import Foundation

/// What can be wrong with pictures, folders of pictures, and what is asked of them.
///
/// Each case says which path, what was expected and what was found; `description` is one line that
/// can be shown as it is.
public enum ImageError: Error, Equatable, Sendable, Codable {
  /// There is nothing at `path`.
  case folderNotFound(path: String)
  /// `path` is a file where a folder was expected.
  case notAFolder(path: String)
  /// The folder cannot be listed.
  case unreadableFolder(path: String, reason: String)
  /// The folder holds `files` files, none of which is a picture that is read; `found` counts what they are.
  case noPictures(path: String, files: Int, found: String)
  /// A link to a folder that is walked already, under another name.
  case repeatedFolder(path: String)
  /// The file cannot be opened or read: it vanished, or permission is missing.
  case unreadableFile(path: String, reason: String)
  /// The file has no bytes.
  case emptyFile(path: String)
  /// The bytes are no picture that is read; `found` names what they look like.
  case notAPicture(path: String, found: String)
  /// The bytes end before the picture does.
  case truncated(path: String, reason: String)
  /// The bytes contradict their own format.
  case corrupt(path: String, reason: String)
  /// A legal picture of a kind that is not read, such as a JPEG of 12 bits.
  case unsupported(path: String, reason: String)
  /// Decoding would hold `pixels` in memory, more than `pixelBudget`; nothing was decoded.
  case tooLarge(path: String, width: Int, height: Int, pixels: Int, pixelBudget: Int)
  /// The file has more bytes than `byteBudget`; nothing was read.
  case fileTooLarge(path: String, bytes: Int, byteBudget: Int)
  /// Memory ran out while decoding.
  case outOfMemory(path: String)
  /// The system has no room for a thread that decodes.
  case noRoomForThreads
  /// The memory for the pictures of a batch cannot be had.
  case noRoomForBatch(byteCount: Int)
  /// The file cannot be written.
  case unwritableFile(path: String, reason: String)
  /// A batch could not be filled: `attempts` pictures in a row could not be read.
  case tooFewReadablePictures(attempts: Int, last: String)
  /// A mask does not fit its grid.
  case impossibleMask(expected: String, found: String)
  /// A setting of the views or of the loader makes no sense.
  case invalidSetting(name: String, expected: String, found: String)
}

extension ImageError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .folderNotFound(let path): "\(path): no such folder"
    case .notAFolder(let path): "\(path): expected a folder, found a file"
    case .unreadableFolder(let path, let reason): "\(path): cannot list the folder: \(reason)"
    case .noPictures(let path, let files, let found):
      switch files {
      case 0: "\(path): the folder is empty, expected \(PictureFormat.names) pictures"
      case 1: "\(path): its only file is no \(PictureFormat.names) picture: found \(found)"
      default:
        "\(path): none of its \(files) files is a \(PictureFormat.names) picture: found \(found)"
      }
    case .repeatedFolder(let path): "\(path): this folder is walked already, under another name"
    case .unreadableFile(let path, let reason): "\(path): cannot read: \(reason)"
    case .emptyFile(let path): "\(path): the file is empty"
    case .notAPicture(let path, let found):
      "\(path): expected \(PictureFormat.names), found \(found)"
    case .truncated(let path, let reason): "\(path): the picture is cut short: \(reason)"
    case .corrupt(let path, let reason): "\(path): the picture is damaged: \(reason)"
    case .unsupported(let path, let reason): "\(path): this kind is not supported: \(reason)"
    case .tooLarge(let path, let width, let height, let pixels, let budget):
      "\(path): \(width)x\(height) needs \(Self.megapixels(pixels)) megapixels in "
        + "memory, over --max-megapixels \(Self.megapixels(budget))"
    case .fileTooLarge(let path, let bytes, let budget):
      "\(path): the file has \(bytes) bytes, over the budget of \(budget)"
    case .outOfMemory(let path): "\(path): not enough memory to decode it"
    case .noRoomForThreads: "out of memory: no thread that decodes pictures can be started"
    case .noRoomForBatch(let byteCount):
      "out of memory: the pictures of a batch take \(byteCount) bytes"
    case .unwritableFile(let path, let reason): "\(path): cannot write: \(reason)"
    case .tooFewReadablePictures(let attempts, let last):
      "\(attempts) pictures in a row could not be read, the last one because \(last)"
    case .impossibleMask(let expected, let found):
      "the mask does not fit its grid: expected \(expected), found \(found)"
    case .invalidSetting(let name, let expected, let found):
      "\(name): expected \(expected), found \(found)"
    }
  }

  public var errorDescription: String? { description }

  /// The file or folder that the error is about, where it is about one.
  public var path: String? {
    switch self {
    case .folderNotFound(let path), .notAFolder(let path), .unreadableFolder(let path, _),
      .noPictures(let path, _, _), .repeatedFolder(let path), .unreadableFile(let path, _),
      .emptyFile(let path),
      .notAPicture(let path, _), .truncated(let path, _), .corrupt(let path, _),
      .unsupported(let path, _), .tooLarge(let path, _, _, _, _), .fileTooLarge(let path, _, _),
      .outOfMemory(let path), .unwritableFile(let path, _):
      path
    case .noRoomForBatch, .noRoomForThreads, .tooFewReadablePictures, .impossibleMask,
      .invalidSetting:
      nil
    }
  }

  /// Millions of pixels, exactly: rounded, a number may look like the limit that it is over.
  private static func megapixels(_ pixels: Int) -> String {
    let text = "\(Double(pixels) / 1e6)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

import Foundation

/// What can be wrong with clips that are to be learned from or scored.
public enum ClipError: Error, Equatable, Sendable {
  /// Nothing in the folder is a video or a folder of frames.
  case noClips(path: String, files: Int)
  /// No shot is as long as a window.
  case noWindows(frames: Int, longest: Int)
}

extension ClipError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .noClips(let path, let files):
      files == 0
        ? "\(path): the folder is empty, expected videos or folders of frames"
        : "\(path): none of its \(files) files is a video or a frame"
    case .noWindows(let frames, let longest):
      "no shot is as long as a window: expected at least \(frames) frames without a cut, the longest "
        + "has \(longest); lower windowLength (at least 5) or add longer clips"
    }
  }

  public var errorDescription: String? { description }
}

import Foundation
import Pictures

/// What can be wrong with videos, frame folders and raw frames, and with what is asked of them.
///
/// Each case says which input, what was expected and what was found; `description` is one line that
/// can be shown as it is.
public enum FrameError: Error, Equatable, Sendable {
  /// There is nothing at `path`.
  case notFound(path: String)
  /// The file or folder cannot be opened or listed.
  case unreadable(path: String, reason: String)
  /// A folder without a picture.
  case noPictures(path: String, files: Int, videos: Int)
  /// Not one frame of the input could be delivered.
  case noFrames(path: String, reason: String)
  /// A single picture where frames were expected.
  case stillPicture(path: String)
  /// A pipe or a device, which can be read once only.
  case notAFile(path: String)
  /// The file holds no video stream; `streams` names what it holds.
  case noVideo(path: String, streams: [String])
  /// ffmpeg does not know what the file is, or cannot open it.
  case notAVideo(path: String, reason: String)
  /// A frame has another size than the first one.
  case sizeChanged(path: String, expected: String, found: String)
  /// ffmpeg or ffprobe is not on PATH.
  case toolMissing(tool: String)
  /// The ffmpeg on PATH does not know an option that is needed.
  case toolTooOld(tool: String, reason: String)
  /// ffmpeg could not be started, or crashed before it delivered anything.
  case toolFailed(tool: String, path: String, reason: String)
  /// A video cannot be written.
  case unwritableVideo(path: String, reason: String)
  /// Raw frames carry no size, and none was given.
  case rawSizeMissing
  /// A setting makes no sense.
  case invalidSetting(name: String, expected: String, found: String)
}

extension FrameError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .notFound(let path): "\(path): no such file or folder"
    case .unreadable(let path, let reason): "\(path): cannot read: \(reason)"
    case .noPictures(let path, let files, let videos):
      if files == 0 {
        "\(path): expected a folder of \(PictureFormat.names) frames, found no file in it"
      } else if videos > 0 {
        "\(path): expected a folder of \(PictureFormat.names) frames, found \(videos) "
          + "video\(videos == 1 ? "" : "s"): name the files themselves"
      } else {
        "\(path): none of its \(files) files is a \(PictureFormat.names) frame"
      }
    case .noFrames(let path, let reason): "\(path): no frame could be read: \(reason)"
    case .stillPicture(let path):
      "\(path): expected a video or a folder of frames, found a still picture"
    case .notAFile(let path):
      "\(path): expected a file or a folder, found a pipe or a device: - takes raw frames from the standard input"
    case .noVideo(let path, let streams):
      "\(path): expected a video stream, found "
        + (streams.isEmpty ? "no stream at all" : "only \(streams.joined(separator: ", "))")
    case .notAVideo(let path, let reason): "\(path): not a video that ffmpeg can read: \(reason)"
    case .sizeChanged(let path, let expected, let found):
      "\(path): expected a frame of \(expected) like the first one, found \(found): "
        + "--resize accepts frames of several sizes"
    case .toolMissing(let tool):
      "\(tool) is not on PATH: install ffmpeg (apt-get install ffmpeg, or https://ffmpeg.org), "
        + "or give a folder of \(PictureFormat.names) frames"
    case .toolTooOld(let tool, let reason): "\(tool) 5.1 or newer is needed: \(reason)"
    case .toolFailed(let tool, let path, let reason): "\(path): \(tool) failed: \(reason)"
    case .unwritableVideo(let path, let reason): "\(path): cannot write the video: \(reason)"
    case .rawSizeMissing:
      "raw frames on the standard input need their size, such as --raw-size 640x360 "
        + "(three bytes a pixel, red first)"
    case .invalidSetting(let name, let expected, let found):
      "\(name): expected \(expected), found \(found)"
    }
  }

  public var errorDescription: String? { description }
}

import Foundation
import Pictures

/// Opens what a user names as an input: a video, a folder of frames, or `-`.
public enum FrameInput {
  /// - Parameters:
  ///   - path: a folder of pictures as frames, in the natural order of their names, a file of any kind
  ///     that ffmpeg reads, or `-` for raw frames on the standard input.
  ///   - options: which frames, and how large.
  ///   - tools: where ffmpeg is looked for.
  /// - Throws: `FrameError`, for everything that can be known before the first frame is read.
  public static func open(
    _ path: String, options: FrameOptions = FrameOptions(), tools: FFmpegTools = FFmpegTools()
  ) throws(FrameError) -> any FrameSource {
    try options.validate()
    if path == "-" { return try RawFrameSource(descriptor: STDIN_FILENO, options: options) }
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { throw .notFound(path: path) }
      throw .unreadable(path: path, reason: ImageFile.lastSystemError())
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      return FolderFrameSource(try FrameFolder(path), options: options)
    }
    // A video is looked at, and then read: what can be read once only would be gone.
    guard status.st_mode & S_IFMT == S_IFREG, !path.hasPrefix("/dev/") else {
      throw .notAFile(path: path)
    }
    guard status.st_size > 0 else { throw .notAVideo(path: path, reason: "the file is empty") }
    if try isPicture(path) { throw .stillPicture(path: path) }
    return try VideoFrameSource(path, options: options, tools: tools)
  }

  /// Whether the file starts like a picture that is read.
  package static func isPicture(_ path: String) throws(FrameError) -> Bool {
    guard let head = FileSignature.head(ofFile: path) else {
      throw .unreadable(path: path, reason: ImageFile.lastSystemError())
    }
    return FileSignature.isPicture(head)
  }
}

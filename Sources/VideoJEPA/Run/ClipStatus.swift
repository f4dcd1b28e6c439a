import Files
import Foundation
import Frames

/// How far a clip is read, on the last line of a terminal.
struct ClipStatus {
  private let progress = WorkProgress()

  init(of source: any FrameSource) {
    progress.begin(
      PathParts(source.name).name, total: source.expectedCount, of: "frames")
  }

  /// Shows that `count` frames are measured.
  func show(_ count: Int) { progress.update(count) }

  /// Makes room for what is said of the clip.
  func clear() { progress.clear() }
}

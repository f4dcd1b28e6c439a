import Foundation
import TrainingRuns
import VisionJEPA

/// How far a clip is read, on the last line of a terminal.
struct ClipStatus {
  private let name: String
  private let expected: Int?
  private let start = ContinuousClock.now
  private var shown: ContinuousClock.Instant?

  init(of source: any FrameSource) {
    name = (source.name as NSString).lastPathComponent
    expected = source.expectedCount
  }

  /// Shows that `count` frames are measured, five times a second at most.
  mutating func show(_ count: Int) {
    let now = ContinuousClock.now
    if let shown, now - shown < .milliseconds(200) { return }
    shown = now
    let rate = Double(count) / ((now - start) / .seconds(1))
    // What a file states of its length may be wrong.
    let whole = expected.flatMap { $0 >= count ? " of about \($0)" : nil } ?? ""
    StatusLine.standardError.show("\(name): \(count)\(whole) frames, \(Int(rate)) frames/s")
  }

  /// Makes room for what is said of the clip.
  func clear() { StatusLine.standardError.clear() }
}

import Foundation
import TrainingRuns

/// Says on the standard error how far an export is: on a terminal one line that is written over, elsewhere a
/// line every ten seconds.
///
/// `51200/100000 51%  842 images/s  0:58 left`
final class ExportProgress {
  private let total: Int?
  private let first: Int
  private let line: StatusLine
  private let start = ContinuousClock.now
  private var lastDrawn = ContinuousClock.now
  private var hasDrawn = false

  /// - Parameters:
  ///   - total: the pictures in all; nil where that is not known.
  ///   - first: those of an earlier process.
  init(total: Int?, first: Int, line: StatusLine = .standardError) {
    self.total = total
    self.first = first
    self.line = line
  }

  /// Tells how many pictures are done; writes where the last line is old enough.
  func update(_ done: Int) {
    let now = ContinuousClock.now
    guard now - lastDrawn >= (line.isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
    lastDrawn = now
    hasDrawn = true
    let seconds = (now - start) / .seconds(1)
    let rate = Double(done - first) / max(seconds, 1e-9)
    var fields = ["\(done)"]
    if let total {
      fields = ["\(done)/\(total) \(100 * done / max(total, 1))%"]
    }
    fields.append(String(format: "%.0f images/s", rate))
    if let total, rate > 0 {
      let left = Int((Double(total - done) / rate).rounded())
      fields.append(String(format: "%d:%02d left", left / 60, left % 60))
    }
    let text = fields.joined(separator: "  ")
    if line.isTerminal { line.show(text) } else { line.print(text) }
  }

  /// Leaves the last line standing.
  func finish() {
    if hasDrawn { line.finish() }
  }
}

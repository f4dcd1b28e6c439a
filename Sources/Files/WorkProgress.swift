import Foundation

/// Says on a terminal's status line how far a piece of work is, with the time that is left. Elsewhere
/// it says nothing, or a line now and then where that is asked for.
///
/// `embedding test pictures 512/2535 20%  0:58 left  842 images/s`
///
/// What does not fit the terminal is left out from the right. The line goes when the work does, an
/// error's included: what is printed next begins a line of its own. Not for use from several threads.
public final class WorkProgress {
  private let line: StatusLine
  private let secondsBetweenLines: Double
  private let writesLines: Bool
  /// Seconds of a clock that is never set back.
  private let now: () -> Double

  private var task = ""
  private var total: Int?
  private var items: String?
  private var first = 0
  private var done = 0
  private var start = 0.0
  private var lastDrawn = 0.0

  /// - Parameters:
  ///   - line: where it is written.
  ///   - writesLines: whether a line is written every ten seconds where there is no terminal.
  public convenience init(line: StatusLine = .standardError, writesLines: Bool = false) {
    let clock = ContinuousClock()
    let beginning = clock.now
    self.init(line: line, writesLines: writesLines) { (clock.now - beginning) / .seconds(1) }
  }

  init(line: StatusLine, writesLines: Bool = false, now: @escaping () -> Double) {
    self.line = line
    self.writesLines = writesLines
    self.now = now
    secondsBetweenLines = line.isTerminal ? 0.2 : 10
  }

  deinit { clear() }

  /// Begins a stage of the work, in place of the one before.
  ///
  /// - Parameters:
  ///   - task: what is done; may be empty.
  ///   - total: how many items it is in all; nil where that is not known.
  ///   - items: what is counted per second; nil where a rate says nothing.
  ///   - first: how many are done already, by an earlier process.
  public func begin(
    _ task: String, total: Int? = nil, of items: String? = nil, from first: Int = 0
  ) {
    (self.task, self.total, self.items, self.first, done) = (task, total, items, first, first)
    start = now()
    lastDrawn = start
    if line.isTerminal { draw() }
  }

  /// Tells how many items are done; writes where the last line is old enough.
  public func update(_ done: Int) {
    self.done = done
    let now = now()
    guard now - lastDrawn >= secondsBetweenLines else { return }
    lastDrawn = now
    draw()
  }

  /// Tells that so many more items are done.
  public func advance(by count: Int = 1) { update(done + count) }

  /// Takes the line away.
  public func clear() { line.clear() }

  /// Leaves the line standing.
  public func finish() { line.finish() }

  private func draw() {
    if line.isTerminal {
      let width = line.width - 1
      line.show(StatusLine.fitting(fields(within: width), width: width))
    } else if writesLines, !line.isSilent {
      line.print(fields(within: .max).joined(separator: "  "))
    }
  }

  /// The task with its count, in so many columns, and what follows from it.
  private func fields(within width: Int) -> [String] {
    // What a file states of its length may be wrong.
    let total = total.flatMap { $0 >= done ? $0 : nil }
    var count = done > 0 || total != nil ? "\(done)" : ""
    if let total { count += "/\(total) \(100 * done / max(total, 1))%" }
    let room = max(1, width - count.count - 1)
    let name = task.count > room ? task.prefix(room - 1) + "…" : task[...]
    var fields = [[String(name), count].filter { !$0.isEmpty }.joined(separator: " ")]
    let seconds = now() - start
    guard done > first, seconds > 0 else { return fields }
    let rate = Double(done - first) / seconds
    if let total, total > done {
      fields.append("\(Self.clock(Double(total - done) / rate)) left")
    }
    if let items {
      fields.append(String(format: rate < 10 ? "%.1f" : "%.0f", rate) + " \(items)/s")
    }
    return fields
  }

  /// `3:12`, `1:03:12`
  package static func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let seconds = Int(max(0, seconds).rounded())
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, seconds % 60)
      : String(format: "%d:%02d", minutes, seconds % 60)
  }
}

import Files
import Foundation

/// Says on the standard error how far a run is: on a terminal one line that is written over, elsewhere
/// a plain line now and then.
///
/// `step 1200/10000 12%  842 images/s  3:12 left  energy 0.3121  sigreg 1.02  learningRate 3e-04`
///
/// What does not fit the terminal is left out from the right; once a minute the whole line is printed above. Not for use from several threads at
/// once; what others print through the same `StatusLine` passes above.
public final class ProgressReporter {
  private let duration: RunDuration
  private let itemsName: String
  private let line: StatusLine
  private let secondsBetweenLines: Double

  private var start: (progress: RunProgress, items: Int)?
  private var lastDrawn: (seconds: Double, items: Int)?
  private var lastPrintedStep: Int?
  private var itemsPerSecond: Double?
  private var metrics: [Metric] = []
  private var lastWhole: Double?

  /// - Parameters:
  ///   - duration: how long the run is to train.
  ///   - itemsName: what is counted per second.
  ///   - line: where it is written.
  ///   - secondsBetweenLines: how often; by default 0.2 on a terminal and 10 elsewhere.
  public init(
    duration: RunDuration, itemsName: String = "images", line: StatusLine = .standardError,
    secondsBetweenLines: Double? = nil
  ) {
    self.duration = duration
    self.itemsName = itemsName
    self.line = line
    self.secondsBetweenLines = secondsBetweenLines ?? (line.isTerminal ? 0.2 : 10)
  }

  /// Tells where the run is; writes where the last line is old enough. Cheap enough for every step.
  ///
  /// - Parameters:
  ///   - progress: where the run is.
  ///   - items: how many were learned from in this session.
  ///   - metrics: what to show, in this order; nil repeats the last ones.
  public func update(_ progress: RunProgress, items: Int, metrics: [Metric]? = nil) {
    if let metrics { self.metrics = metrics }
    guard let last = lastDrawn else {
      start = (progress, items)
      lastDrawn = (progress.seconds, items)
      return
    }
    if progress.seconds - last.seconds >= secondsBetweenLines {
      draw(progress, items: items)
    }
  }

  /// Writes the last line, where it is not there already, and leaves it standing.
  public func finish(_ progress: RunProgress, items: Int, metrics: [Metric]? = nil) {
    if let metrics { self.metrics = metrics }
    if lastPrintedStep != progress.step { draw(progress, items: items) }
    line.finish()
  }

  private func draw(_ progress: RunProgress, items: Int) {
    if let last = lastDrawn, progress.seconds > last.seconds {
      let seconds = progress.seconds - last.seconds
      let rate = Double(items - last.items) / seconds
      // Smoothed over about ten seconds, so that a line can be read.
      let weight = 1 - exp(-seconds / 10)
      itemsPerSecond = itemsPerSecond.map { $0 + weight * (rate - $0) } ?? rate
    }
    lastDrawn = (progress.seconds, items)
    guard !line.isSilent else { return }
    let fields = fields(at: progress)
    if line.isTerminal {
      let shown = StatusLine.fitting(fields, width: line.width - 1)
      let whole = fields.joined(separator: "  ")
      if lastWhole == nil { lastWhole = progress.seconds }
      if shown != whole, progress.seconds - lastWhole! >= 60 {
        line.print(whole)
        lastWhole = progress.seconds
      }
      line.show(shown)
    } else {
      line.print(fields.joined(separator: "  "))
      lastPrintedStep = progress.step
    }
  }

  private func fields(at progress: RunProgress) -> [String] {
    let fraction = duration.fraction(at: progress)
    var fields = [done(progress) + " \(Int(fraction * 100))%"]
    if let itemsPerSecond { fields.append("\(itemsPerSecond.significant(3)) \(itemsName)/s") }
    if let start {
      // Earlier sessions may have run at another speed.
      let session = fraction - duration.fraction(at: start.progress)
      if session > 0, fraction < 1 {
        let seconds = (progress.seconds - start.progress.seconds) * (1 - fraction) / session
        fields.append("\(WorkProgress.clock(seconds)) left")
      }
    }
    return fields + metrics.map { "\($0.name) \($0.value.significant(4))" }
  }

  private func done(_ progress: RunProgress) -> String {
    switch duration {
    case .steps(let steps): "step \(progress.step)/\(steps)"
    case .epochs(let epochs):
      // The last batch may go on into a pass that is not asked for.
      "epoch \(String(format: "%.2f", min(progress.epoch, epochs)))/\(String(format: "%g", epochs))"
    case .minutes(let minutes):
      "step \(progress.step)  \(WorkProgress.clock(progress.seconds))/\(WorkProgress.clock(60 * minutes))"
    }
  }
}

extension Double {
  /// The number with so many significant digits, with an exponent only where it is shorter.
  fileprivate func significant(_ digits: Int) -> String {
    if abs(self) >= pow(10, Double(digits)), abs(self) < 1e7 { return String(format: "%.0f", self) }
    return String(format: "%.\(digits)g", self)
  }
}

import Foundation
import Logging
import Testing

@testable import Files
@testable import TrainingRuns

@Suite struct ProgressReporterTests {
  private let metrics = [
    Metric("energy", 0.312149), Metric("sigreg", 1.02), Metric("learningRate", 3e-4),
    Metric("rankMe", 23456.7), Metric("spread", .nan),
  ]

  @Test func plainLinesComeAtAnInterval() {
    let screen = Screen()
    let reporter = ProgressReporter(
      duration: .steps(1000), line: screen.line, secondsBetweenLines: 10)
    for step in 0...250 {
      let progress = RunProgress(step: step, epoch: 0, seconds: Double(step) / 10)
      reporter.update(progress, items: step * 64, metrics: step % 50 == 0 ? metrics : nil)
    }
    reporter.finish(RunProgress(step: 1000, epoch: 0, seconds: 100), items: 64000)
    let tail = "energy 0.3121  sigreg 1.02  learningRate 0.0003  rankMe 23457  spread nan"
    #expect(
      screen.text() == """
        step 100/1000 10%  640 images/s  1:30 left  \(tail)
        step 200/1000 20%  640 images/s  1:20 left  \(tail)
        step 1000/1000 100%  640 images/s  \(tail)

        """)
  }

  /// A log had the last line twice.
  @Test func theLastPlainLineIsPrintedOnce() {
    let screen = Screen()
    let reporter = ProgressReporter(
      duration: .steps(2), line: screen.line, secondsBetweenLines: 10)
    reporter.update(RunProgress(step: 1, seconds: 1), items: 1)
    reporter.update(RunProgress(step: 2, seconds: 11), items: 2)
    reporter.finish(RunProgress(step: 2, seconds: 11), items: 2)
    #expect(screen.text() == "step 2/2 100%  0.1 images/s\n")
  }

  /// The last batch of a small folder goes on into a pass that was not asked for.
  @Test func noMorePassesAreShownThanWereAskedFor() {
    let screen = Screen()
    let reporter = ProgressReporter(duration: .epochs(2), line: screen.line)
    reporter.update(RunProgress(step: 1, epoch: 1.34, seconds: 1), items: 64)
    reporter.finish(RunProgress(step: 2, epoch: 2.67, seconds: 2), items: 128)
    #expect(screen.text() == "epoch 2.00/2 100%  64 images/s\n")
  }

  @Test(arguments: [20, 40, 60, 200])
  func aTerminalsLineFitsAndIsWrittenOver(columns: Int) {
    let screen = Screen(columns: UInt16(columns))
    #expect(screen.line.isTerminal)
    #expect(screen.line.width == columns)
    let reporter = ProgressReporter(duration: .minutes(20), line: screen.line)
    for step in 0...20 {
      reporter.update(
        RunProgress(step: step, seconds: Double(step)), items: step * 64, metrics: metrics)
    }
    reporter.finish(RunProgress(step: 21, seconds: 21), items: 21 * 64)
    let text = screen.text()
    #expect(text.hasSuffix("\n"))
    let lines = text.dropLast().split(separator: "\r")
    #expect(lines.count == 21)
    #expect(lines.allSatisfy { $0.count < columns })
    #expect(!text.contains("\u{1B}"))
    #expect(lines.last?.hasPrefix("step 21  0:21/20:00"[...].prefix(columns - 1)) == true)
  }

  /// What a narrow terminal leaves out is printed in full once a minute.
  @Test func theWholeLineIsPrintedOnceAMinute() {
    let screen = Screen(columns: 40)
    let reporter = ProgressReporter(duration: .minutes(20), line: screen.line)
    for step in 0...130 {
      reporter.update(
        RunProgress(step: step, seconds: Double(step)), items: step * 64, metrics: metrics)
    }
    let whole = screen.text().split(separator: "\n").filter { $0.contains("spread nan") }
    #expect(whole.count == 2)
    #expect(whole.first?.contains("\rstep 61  1:01/20:00 5%") == true)
  }

  @Test func otherLinesPassAbove() {
    let screen = Screen(columns: 80)
    var logger = Logger(label: "test") { _ in ConsoleLogHandler(line: screen.line) }
    logger.logLevel = .info
    screen.line.show("a long line of progress")
    logger.warning("skipped", metadata: ["file": "a.png"])
    logger.notice("saved")
    logger.debug("unseen")
    screen.line.show("short")
    screen.line.finish()
    #expect(
      screen.text() == "\ra long line of progress"
        + "\rwarning: skipped file=a.png\na long line of progress"
        + "\rsaved                  \na long line of progress"
        + "\rshort                  \n")
  }

  @Test func aDumbTerminalGetsPlainLines() {
    let screen = Screen(columns: 80, environment: ["TERM": "dumb"])
    #expect(!screen.line.isTerminal)
    screen.line.show("unseen")
    screen.line.print("seen")
    screen.line.finish()
    #expect(screen.text() == "seen\n")
  }

  @Test func earlierSessionsDoNotCountForTheTimeLeft() {
    let screen = Screen()
    let reporter = ProgressReporter(
      duration: .epochs(2), line: screen.line, secondsBetweenLines: 1)
    reporter.update(RunProgress(step: 100, epoch: 1, seconds: 1000), items: 0)
    reporter.update(RunProgress(step: 150, epoch: 1.5, seconds: 1010), items: 500)
    #expect(screen.text() == "epoch 1.50/2 75%  50 images/s  0:10 left\n")
  }

  @Test func nothingIsShownWhereItIsNotWanted() {
    for screen in [Screen(), Screen(columns: 80)] {
      screen.line.silence()
      let reporter = ProgressReporter(duration: .steps(10), line: screen.line)
      for step in 0...10 {
        reporter.update(RunProgress(step: step, seconds: Double(step) * 20), items: step)
      }
      reporter.finish(RunProgress(step: 10, seconds: 200), items: 10)
      screen.line.print("a warning")
      #expect(screen.text() == "a warning\n")
    }
  }

  @Test func clocksAndFitting() {
    #expect(WorkProgress.clock(0) == "0:00")
    #expect(WorkProgress.clock(192.4) == "3:12")
    #expect(WorkProgress.clock(3792) == "1:03:12")
    #expect(WorkProgress.clock(.infinity) == "?")
    #expect(StatusLine.fitting(["abc", "de", "f"], width: 7) == "abc  de")
    #expect(StatusLine.fitting(["abc", "de", "f"], width: 2) == "abc")
  }
}

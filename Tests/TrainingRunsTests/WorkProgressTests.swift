import Foundation
import Testing

@testable import Files
@testable import TrainingRuns

@Suite struct WorkProgressTests {
  /// A clock that is set by hand.
  private final class Clock {
    var seconds = 0.0
  }

  /// 300 of 1,200 pictures, ten a second, on a terminal.
  private func shown(on screen: Screen) {
    let clock = Clock()
    let progress = WorkProgress(line: screen.line) { clock.seconds }
    progress.begin("embedding", total: 72_000, of: "pictures")
    for second in 1...30 {
      clock.seconds = Double(second)
      progress.update(10 * second)
    }
  }

  @Test func aTerminalShowsWhatIsLeftAndNothingStays() {
    let screen = Screen(columns: 80)
    shown(on: screen)
    let lines = screen.text().split(separator: "\r")
    #expect(lines.first?.trimmingCharacters(in: .whitespaces) == "embedding 0/72000 0%")
    #expect(lines.contains { $0.hasPrefix("embedding 300/72000 0%  1:59:30 left  10 pictures/s") })
    #expect(lines.last?.allSatisfy { $0 == " " } == true)
  }

  /// What is least needed is left out of a narrow one.
  @Test func aNarrowTerminalKeepsTheTimeLeft() {
    let screen = Screen(columns: 40)
    shown(on: screen)
    let lines = screen.text().split(separator: "\r")
    #expect(lines.allSatisfy { $0.count < 40 })
    #expect(lines.contains { $0.hasPrefix("embedding 300/72000 0%  1:59:30 left") })
    #expect(!lines.contains { $0.contains("pictures/s") })
  }

  @Test func aLongNameGivesWayToItsCount() {
    let screen = Screen(columns: 30)
    let progress = WorkProgress(line: screen.line) { 0 }
    progress.begin("a-clip-of-a-very-long-name.mp4", total: 1200)
    #expect(screen.text() == "\ra-clip-of-a-very-l… 0/1200 0%")
  }

  @Test func pipesAreLeftAloneUnlessLinesAreAskedFor() {
    let quiet = Screen()
    shown(on: quiet)
    #expect(quiet.text().isEmpty)

    let screen = Screen()
    let clock = Clock()
    let progress = WorkProgress(line: screen.line, writesLines: true) { clock.seconds }
    progress.begin("", total: 100, of: "images", from: 20)
    for second in 1...25 {
      clock.seconds = Double(second)
      progress.update(20 + second)
    }
    #expect(
      screen.text() == """
        30/100 30%  1:10 left  1.0 images/s
        40/100 40%  1:00 left  1.0 images/s

        """)
  }

  /// A count that was stated too low, or none, is no fraction; a stage begins anew.
  @Test func whatIsNotKnownIsNotSaid() {
    let screen = Screen(columns: 80)
    let clock = Clock()
    let progress = WorkProgress(line: screen.line) { clock.seconds }
    progress.begin("clip.mp4", total: 10, of: "frames")
    clock.seconds = 1
    progress.update(20)
    progress.begin("linear probe")
    clock.seconds = 5
    progress.begin("thumbnails", total: 4)
    clock.seconds = 7
    progress.advance(by: 2)
    let lines = screen.text().split(separator: "\r").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    #expect(
      lines == [
        "clip.mp4 0/10 0%", "clip.mp4 20  20 frames/s", "linear probe", "thumbnails 0/4 0%",
        "thumbnails 2/4 50%  0:02 left",
      ])
  }
}

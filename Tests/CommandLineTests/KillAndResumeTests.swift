import Foundation
import TestSupport
import Testing
import TrainingRuns

/// `kill -9` at any moment of `jepa train images`, and then `--resume`: the loss curve is that of a run
/// that nothing happened to. Tests/kill-and-resume.sh does the same ten times, on a longer run.
@Suite struct KillAndResumeTests {
  private static let steps = 40

  private static func arguments(_ pictures: String, _ run: String) -> [String] {
    [
      "train", "images", pictures, "--output", run, "--steps", "\(steps)", "--set",
      "logEverySteps=1", "--set", "checkpoint.everySteps=4",
    ] + JepaProcess.tiny
  }

  @Test(arguments: [1, 2])
  func killedAtTwoMomentsTheCurveIsTheSame(seed: UInt64) throws {
    let pictures = try ColouredShapes(11)
    let (whole, killed) = (TemporaryPath("run"), TemporaryPath("run"))
    let uninterrupted = try JepaProcess.run(Self.arguments(pictures.path, whole.path))
    #expect(uninterrupted.status == 0, "\(uninterrupted.errors)")

    var draws = SeededGenerator(seed: seed)
    for session in 0..<2 {
      let process = try JepaProcess(
        Self.arguments(pictures.path, killed.path) + (session > 0 ? ["--resume"] : []))
      // Some way into the session, and then anywhere within a step or a save.
      let goal = 3 + 17 * session + draws.index(below: 8)
      process.wait { loggedSteps(ofRun: killed.path) >= goal }
      usleep(UInt32(draws.index(below: 30_000)))
      process.send(SIGKILL)
      #expect(process.wait().wasKilled)
    }
    let rest = try JepaProcess.run(Self.arguments(pictures.path, killed.path) + ["--resume"])
    #expect(rest.status == 0, "\(rest.errors)")
    let expected = try lossCurve(ofRun: whole.path)
    #expect(expected.count == Self.steps)
    #expect(try lossCurve(ofRun: killed.path) == expected)
  }
}

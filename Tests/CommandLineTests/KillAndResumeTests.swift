import Files
import Foundation
import TestSupport
import Testing
import TrainingRuns

/// `kill -9` at any moment of `jepa train`, and then `--resume`: the loss curve is that of a run that
/// nothing happened to. Tests/kill-and-resume.sh does the same ten times, on a longer run.
@Suite struct KillAndResumeTests {
  private static let steps = 40
  let material: TinyTraining

  init() throws { material = try TinyTraining() }

  @Test(
    arguments: [
      ("images", 1), ("images", 2), ("video", 3), ("text", 4), ("text-baseline", 5),
    ] as [(String, UInt64)])
  func killedAtTwoMomentsTheCurveIsTheSame(kind: String, seed: UInt64) throws {
    let (whole, killed) = (TemporaryPath("run"), TemporaryPath("run"))
    let training =
      try material.command(kind) + ["--steps", "\(Self.steps)"]
      + ["--set", "logEverySteps=1", "--set", "checkpoint.everySteps=4", "--output"]
    let uninterrupted = try JepaProcess.run(training + [whole.path])
    #expect(uninterrupted.status == 0, "\(uninterrupted.errors)")

    var draws = SeededGenerator(seed: seed)
    for session in 0..<2 {
      let process = try JepaProcess(
        training + [killed.path] + (session > 0 ? ["--resume"] : []))
      // Some way into the session, and then anywhere within a step or a save.
      let goal = 3 + 17 * session + draws.index(below: 8)
      process.wait { loggedSteps(ofRun: killed.path) >= goal }
      usleep(UInt32(draws.index(below: 30_000)))
      process.send(SIGKILL)
      #expect(process.wait().wasKilled)
    }
    let rest = try JepaProcess.run(training + [killed.path, "--resume"])
    #expect(rest.status == 0, "\(rest.errors)")
    let expected = try lossCurve(ofRun: whole.path)
    #expect(expected.count == Self.steps)
    #expect(try lossCurve(ofRun: killed.path) == expected)
  }
}

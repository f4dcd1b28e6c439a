import Files
import Foundation
import TestSupport
import Testing
import TrainingRuns

/// `kill -9` at any moment of `jepa train`, and then `--resume`: the loss curve is that of a run that
/// nothing happened to. Tests/kill-and-resume.sh does the same ten times, on a longer run.
@Suite struct KillAndResumeTests {
  private static let steps = 40
  let data = TemporaryPath("data")
  let pictures: ColouredShapes

  init() throws { pictures = try ColouredShapes(11) }

  /// `jepa train` of a kind on data of its own, but for the output.
  private func command(_ kind: String) throws -> [String] {
    switch kind {
    case "images":
      return ["train", kind, pictures.path] + JepaProcess.tiny
    case "video":
      try MovingShapes.write(MovingShapes.frames(26, cuts: [12], seed: 1), to: data.path)
      return ["train", kind, data.path, "--threads", "1"]
        + [
          "frameSize=32", "batchSize=2", "predictor.width=16", "tokenWidth=12", "loader.workers=1",
        ].flatMap { ["--set", $0] }
    default:
      let lines = (0..<60).map { #"{"prompt": "\#($0)+1", "answer": "\#($0 + 1)"}"# }
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: data.path))
      let model = ["batchSize=8", "model.width=16", "model.heads=2", "model.promptDepth=1"]
      let planner = ["autoencoder.steps=20", "autoencoder.neededExact=0", "rollout.capacity=16"]
      return ["train", kind, data.path, "--threads", "1"]
        + (model + (kind == "text" ? planner : [])).flatMap { ["--set", $0] }
    }
  }

  @Test(
    arguments: [
      ("images", 1), ("images", 2), ("video", 3), ("text", 4), ("text-baseline", 5),
    ] as [(String, UInt64)])
  func killedAtTwoMomentsTheCurveIsTheSame(kind: String, seed: UInt64) throws {
    let (whole, killed) = (TemporaryPath("run"), TemporaryPath("run"))
    let training =
      try command(kind) + ["--steps", "\(Self.steps)"]
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

import Embeddings
import Evaluation
import Foundation
import ImageJEPA
import Pictures
import TestSupport
import Testing
import TrainingRuns

/// `jepa train images`, `evaluate`, `embed` and `preview` on generated pictures, as a user runs them.
@Suite struct TrainingCommandTests {
  /// Trains four steps and returns the run folder.
  static func trained(on pictures: ColouredShapes, more: [String] = []) throws -> TemporaryPath {
    let run = TemporaryPath("run")
    let result = try JepaProcess.run(
      ["train", "images", pictures.path, "--output", run.path, "--steps", "4"] + JepaProcess.tiny
        + more)
    #expect(result.status == 0, "\(result.errors)")
    return run
  }

  @Test func helpIsOnTheStandardOutput() throws {
    for arguments in [["--help"], ["train", "images", "--help"], ["help", "evaluate"]] {
      let result = try JepaProcess.run(arguments)
      #expect(result.status == 0)
      #expect(result.output.contains("USAGE: jepa"))
      #expect(result.errors.isEmpty)
    }
    #expect(try JepaProcess.run(["--version"]).output == "\(ProgramVersion.current)\n")
  }

  @Test(arguments: [
    (["train", "images"], "missing expected argument"),
    (["fly"], "unexpected argument 'fly'"),
    (["embed", ".", "--output", "x.npy"], "missing expected argument '--checkpoint"),
    (
      ["train", "images", ".", "--output", "x", "--steps", "1", "--minutes", "1"],
      "give one of --epochs, --steps and --minutes"
    ),
    (
      ["train", "text-baseline", "x", "--output", "y", "--like", "a", "--config", "b"],
      "give one of --like and --config"
    ),
  ])
  func wrongUsageIsAnError(arguments: [String], message: String) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 1)
    #expect(result.errorLines.count == 1 && result.errors.hasPrefix("jepa: error: "))
    #expect(result.errors.contains(message) && result.errors.contains("--help'"))
    #expect(result.output.isEmpty)
  }

  @Test(arguments: [
    (["trian"], "unexpected argument 'trian': did you mean train?; see 'jepa --help'"),
    (["train", "image", "x"], "'image', 'x': did you mean images?; see 'jepa train --help'"),
    (["map", "--embedding", "x"], "--embedding"),
    (
      ["embed", "x", "--pool", "most"],
      "the value 'most' is invalid for '--pool <pool>'. Please provide one of 'mean', 'max'"
    ),
    (
      ["train", "images", "x", "--output", "y", "--minutes", "-1"],
      "--minutes: expected more than 0, found -1; see"
    ),
  ])
  func usageErrorsAreOneLine(arguments: [String], message: String) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 1)
    #expect(result.errorLines.count == 1, "\(result.errors)")
    #expect(result.errors.hasPrefix("jepa: error: ") && result.errors.contains(message))
  }

  @Test func trainWritesARunAndResumesIt() throws {
    let pictures = try ColouredShapes(9)
    let run = try Self.trained(on: pictures, more: ["--set", "logEverySteps=1"])
    let names = try FileManager.default.contentsOfDirectory(atPath: run.path)
    for name in ["config.yaml", "environment.json", "metrics.jsonl", "latest", "step-0000004"] {
      #expect(names.contains(name))
    }
    #expect(names.contains { $0.hasPrefix("events.out.tfevents") })
    #expect(try lossCurve(ofRun: run.path).count == 4)

    // The configuration is the run's own; only the duration changes.
    let longer = try JepaProcess.run(
      ["train", "images", pictures.path, "--output", run.path, "--resume", "--steps", "6"])
    #expect(longer.status == 0, "\(longer.errors)")
    #expect(longer.errors.contains("going on from step 4\n"))
    #expect(try lossCurve(ofRun: run.path).count == 6)
    // Nothing is left to do, and nothing is done.
    let again = try JepaProcess.run([
      "train", "images", pictures.path, "--output", run.path, "--resume",
    ])
    #expect(again.status == 0, "\(again.errors)")
    #expect(
      again.errors == "\(run.path) has reached its end, 6 steps: nothing to do; to train on, give "
        + "more --epochs, --steps or --minutes\n")
    #expect(try Checkpoint.open(at: run.path).step == 6)
  }

  /// Whether copies of one file, or of one colour: there is nothing to learn, and it is said at the start.
  @Test func picturesThatAreAllAlikeAreWarnedOf() throws {
    let pictures = TemporaryPath("alike")
    try FileManager.default.createDirectory(
      atPath: pictures.path, withIntermediateDirectories: true)
    func write(_ count: Int, _ side: (Int) -> Int) throws {
      for index in 0..<count {
        let black = [UInt8](repeating: 0, count: side(index) * side(index) * 3)
        let png = try RGBImage(width: side(index), height: side(index), pixels: black).pngBytes()
        try Data(png).write(to: URL(fileURLWithPath: "\(pictures.path)/\(index).png"))
      }
    }
    func warnings() throws -> [String] {
      let run = TemporaryPath("run")
      let result = try JepaProcess.run(
        ["train", "images", pictures.path, "--output", run.path, "--steps", "3"]
          + JepaProcess.tiny)
      #expect(result.status == 0, "\(result.errors)")
      return result.errorLines.filter { $0.hasPrefix("warning: ") }
    }
    try write(5) { _ in 40 }
    #expect(
      try warnings().first
        == "warning: \(pictures.path): all 5 pictures are the same: nothing tells one from another, "
        + "and their embeddings will be one point")
    try write(5) { 40 + $0 }
    let alike = try warnings()
    #expect(
      alike.first == "warning: at step 1 all pictures get nearly one embedding (spread 0, expected "
        + "at least 0.02): are they all alike?")
  }

  @Test func theSameSeedTrainsTheSame() throws {
    let pictures = try ColouredShapes(7)
    let curves = try [("1", "1"), ("1", "2"), ("2", "1")].map { seed, workers in
      let run = try Self.trained(
        on: pictures,
        more: [
          "--seed", seed, "--set", "logEverySteps=1", "--set", "loader.workers=\(workers)",
        ])
      return try lossCurve(ofRun: run.path)
    }
    #expect(curves[0] == curves[1])
    #expect(curves[0] != curves[2])
  }

  @Test func terminationSavesAndSaysHowToGoOn() throws {
    let pictures = try ColouredShapes(9)
    // With a space, as many folders of pictures have.
    let run = TemporaryPath("my run")
    let process = try JepaProcess(
      [
        "train", "images", pictures.path, "--output", run.path, "--minutes", "5", "--set",
        "logEverySteps=1",
      ] + JepaProcess.tiny)
    process.wait { loggedSteps(ofRun: run.path) > 2 }
    process.send(SIGTERM)
    let result = process.wait()
    #expect(result.status == 143 && !result.wasKilled, "\(result.errors)")
    let advice = "stopped by SIGTERM; go on with: "
    let line = try #require(result.errorLines.last { $0.hasPrefix(advice) }, "\(result.errors)")
    let steps = try lossCurve(ofRun: run.path).count
    #expect(try Checkpoint.open(at: run.path).step == steps)

    // What it says is what works.
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "\(line.dropFirst(advice.count)) --steps \(steps + 1) 2>/dev/null"]
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    #expect(try Checkpoint.open(at: run.path).step == steps + 1)
  }

  @Test func evaluateAndEmbed() throws {
    let (train, test) = (try ColouredShapes(18), try ColouredShapes(9, seed: 2))
    let run = try Self.trained(on: train)

    let json = try JepaProcess.run([
      "evaluate", train.path, test.path, "--checkpoint", run.path, "--k", "3", "--json",
    ])
    #expect(json.status == 0, "\(json.errors)")
    try expectReport(json.output)

    let output = TemporaryPath("embeddings")
    try FileManager.default.createDirectory(
      atPath: output.path, withIntermediateDirectories: true)
    let embedded = try JepaProcess.run([
      "embed", test.path, "--checkpoint", run.path, "--output", output.path + "/test.npy",
      "--precision", "float32",
    ])
    #expect(embedded.status == 0, "\(embedded.errors)")
    #expect(embedded.output.contains("9 embeddings of width 128"))
    let file = try EmbeddingFile(path: output.path + "/test.npy")
    #expect(file.description.shape == [9, 128] && file.rows[8].label == "stripes")
    #expect(file.values.isFinite().all().integer() == 1)
    let rows = try String(contentsOfFile: output.path + "/test.csv", encoding: .utf8)
      .split(whereSeparator: \.isNewline)
    #expect(rows.count == 10)
    #expect(rows.last?.contains("stripes/8.png") == true)
    // One picture embedded through the library is its row of the file.
    let model = try ImageModel.load(from: run.path)
    let single = try model.embedding(of: test.path + "/stripes/8.png")
    for (found, expected) in zip(single, file.values[8].array(of: Float.self)) {
      #expect(abs(found - expected) < 1e-4)
    }
  }

  /// Checks what the issue promises of the JSON: its keys, and that shares are 0…1.
  private func expectReport(_ text: String) throws {
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    func share(_ keys: String...) throws {
      var value: Any = object
      for key in keys { value = try #require((value as? [String: Any])?[key], "\(keys)") }
      let number = try #require(value as? Double, "\(keys)")
      #expect((0...1).contains(number), "\(keys): \(number)")
    }
    for row in ["trained", "randomWeights", "rawPixels"] {
      try share(row, "knnTop1")
      try share(row, "linearTop1")
    }
    for row in ["trained", "randomWeights"] {
      let figures = try #require(object[row] as? [String: Any])
      #expect(try #require(figures["rankMe"] as? Double) >= 1)
    }
    try share("majority")
    let energy = try #require(object["energy"] as? [String: Any])
    #expect(energy.count >= 4)
    for corruption in energy.keys {
      for key in ["auroc", "paired", "controlAuroc"] { try share("energy", corruption, key) }
    }
    // The library reads what the program writes.
    let report = try JSONDecoder().decode(EvaluationReport.self, from: Data(text.utf8))
    #expect(report.counts.train == 18 && report.counts.test == 9 && report.counts.classes == 3)
    #expect(report.checkpoint.step == 4)
  }

  @Test(arguments: MethodName.allCases)
  func previewDrawsEveryMethod(method: MethodName) throws {
    let pictures = try ColouredShapes(5)
    let folder = TemporaryPath("sheet")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    let sheet = folder.path + "/sheet.png"
    let result = try JepaProcess.run([
      "preview", pictures.path, "--output", sheet, "--method", method.rawValue, "--pictures", "2",
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == "wrote \(sheet)\n")
    let image = try ImageDecoder().decode(contentsOf: sheet)
    #expect(image.width > 100 && image.height > 100)
    #expect(Set(image.pixels).count > 10)
  }

  #if os(Linux)
    /// libgomp prints its settings when it is loaded.
    @Test func theThreadsSpinIsShortUnlessTheUserSaysOtherwise() throws {
      func settings(_ environment: [String: String]) throws -> String {
        let result = try JepaProcess.run(
          ["--version"],
          environment: environment.merging(["OMP_DISPLAY_ENV": "VERBOSE"]) { mine, _ in mine })
        #expect(result.status == 0)
        return result.errors
      }
      #expect(try settings([:]).contains("GOMP_SPINCOUNT = '3000'"))
      #expect(try settings(["OMP_NUM_THREADS": "1"]).contains("GOMP_SPINCOUNT = '3000'"))
      #expect(try settings(["GOMP_SPINCOUNT": "77"]).contains("GOMP_SPINCOUNT = '77'"))
      #expect(try settings(["OMP_WAIT_POLICY": "active"]).contains("OMP_WAIT_POLICY = 'ACTIVE'"))
    }
  #endif
}

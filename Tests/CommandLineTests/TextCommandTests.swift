import Foundation
import TestSupport
import Testing
import TextPlanner

/// Training a planner, and planning with it, as a user does.
@Suite struct TextCommandTests {
  let folder = TemporaryPath("text")
  var run: String { "\(folder.path)/run" }
  var examples: String { "\(folder.path)/examples.jsonl" }

  /// Settings that make a run take seconds.
  static let tiny = [
    "--threads", "1", "--set", "batchSize=8", "--set", "model.width=16", "--set",
    "model.heads=2", "--set", "model.promptDepth=1", "--set", "model.predictorDepth=1", "--set",
    "autoencoder.steps=150", "--set", "autoencoder.batchSize=32", "--set", "rollout.capacity=16",
    "--set", "logEverySteps=1",
  ]

  init() throws {
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    let lines = (0..<60).map { #"{"prompt": "\#($0)+1", "answer": "\#($0 + 1)"}"# }
    try write(lines.joined(separator: "\n"), to: examples)
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  private func training(_ more: String..., on file: String? = nil) -> [String] {
    ["train", "text", file ?? examples, "--output", run, "--steps", "4"] + Self.tiny + more
  }

  /// Checks that a command fails with one line, which says `message`.
  private func expectFailure(
    _ arguments: [String], input: String? = nil, saying message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try JepaProcess.run(arguments, input: input)
    #expect(result.status == 1 && !result.wasKilled, sourceLocation: sourceLocation)
    #expect(result.errors == "jepa: error: \(message)\n", sourceLocation: sourceLocation)
  }

  @Test func trainPlanAndRank() throws {
    let trained = try JepaProcess.run(training())
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("contrastive on 58 examples (2 held out), prompts to 4 and"))
    #expect(trained.errors.contains("held-out answers come back exactly"))
    #expect(trained.errors.contains("checkpoint: \(run)/step-0000004"))
    #expect(loggedSteps(ofRun: run) == 4)

    // One prompt, with everything that there is to see.
    let plot = "\(folder.path)/trace.png"
    let traced = try JepaProcess.run([
      "plan", "3+1", "--checkpoint", run, "--trace", "--trace-plot", plot, "--steps", "3",
      "--starts", "2",
    ])
    #expect(traced.status == 0, "\(traced.errors)")
    #expect(traced.output.hasPrefix("prompt      3+1\nsystem one  "))
    #expect(traced.output.contains("\nstart 1\n  step      energy  decodes to\n     0  "))
    let png = try Data(contentsOf: URL(fileURLWithPath: plot))
    #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))

    // A pipe: a line in, a line out; symbols never seen are answered.
    let prompts = "\(folder.path)/prompts.txt"
    try write("3+1\n?é\n4+1\n", to: prompts)
    let piped = try JepaProcess.run(["plan", "--checkpoint", run, "--json"], input: prompts)
    #expect(piped.status == 0, "\(piped.errors)")
    let plans = try piped.output.split(separator: "\n").map {
      try JSONDecoder().decode(TextPlanner.Plan.self, from: Data($0.utf8))
    }
    #expect(plans.map(\.prompt) == ["3+1", "?é", "4+1"])
    let plain = try JepaProcess.run(["plan", "--checkpoint", run], input: prompts)
    #expect(plain.output.components(separatedBy: "\n").count == 4)
    for (plan, line) in zip(plans, plain.output.components(separatedBy: "\n")) {
      #expect(line.hasSuffix("\tunverified") == !plan.isVerified)
    }

    // The energies of pairs, in the order of the file.
    let energies = try JepaProcess.run(["energy", examples, "--checkpoint", run])
    let values = energies.output.split(separator: "\n").map { Double($0) }
    #expect(values.count == 60 && values.allSatisfy { $0.map { $0 > 0 } ?? false })

    // Going on, and what does not go.
    let resumed = try JepaProcess.run(training("--steps", "6", "--resume"))
    #expect(resumed.status == 0 && resumed.errors.contains("going on from step 4"))
    try expectFailure(
      training("--resume", "--set", "model.width=32"),
      saying: "\(run) cannot be resumed with another configuration: model.width was 16, now 32")
    try expectFailure(
      training(),
      saying:
        "\(run) is not empty: resume the run in it with --resume, or name another output folder")
    try badPrompts()
  }

  /// Prompts that no plan can be made for.
  private func badPrompts() throws {
    try expectFailure(
      ["plan", "123+456", "--checkpoint", run],
      saying: "the prompt '123+456' has 7 symbols, the model's limit is 4")
    let prompts = "\(folder.path)/bad.txt"
    try write("1+1\n2+\u{0}\n", to: prompts)
    let result = try JepaProcess.run(["plan", "--checkpoint", run], input: prompts)
    #expect(result.output.split(separator: "\n").count == 1, "what came before is answered")
    #expect(
      result.errors
        == "jepa: error: line 2 of the standard input: the text '2+\\0' holds a NUL byte\n")
    try Data([0x31, 0xFF, 0x0A]).write(to: URL(fileURLWithPath: prompts))
    try expectFailure(
      ["plan", "--checkpoint", run], input: prompts,
      saying: "line 1 of the standard input: the text is not UTF-8")
    let pairs = "\(folder.path)/pairs.jsonl"
    try write(#"{"prompt": "1+1", "answer": "123"}"#, to: pairs)
    try expectFailure(
      ["energy", pairs, "--checkpoint", run],
      saying: "the answer '123' has 3 symbols, the model's limit is 2")
    let nowhere = "\(folder.path)/nowhere/plot.png"
    let plotted = try JepaProcess.run([
      "plan", "1+1", "--checkpoint", run, "--trace-plot", nowhere,
    ])
    #expect(plotted.status == 1 && plotted.output.isEmpty)
    #expect(plotted.errors.contains("expected a file in a folder that is there, found \(nowhere)"))
  }

  @Test func filesThatCannotBeTrainedOn() throws {
    let file = "\(folder.path)/bad.jsonl"
    try write("", to: file)
    try expectFailure(
      training(on: file),
      saying: "\(file): the file is empty, expected lines such as "
        + #"{"prompt": "2+3", "answer": "5"}"#)
    try write(#"{"prompt": "1+1", "answer": "2"}"#, to: file)
    try expectFailure(
      training(on: file), saying: "\(file): expected at least 2 examples, found 1")
    #expect(!FileManager.default.fileExists(atPath: run))
    try expectFailure(
      training("--set", "model.widht=3"),
      saying: "--set: unknown key model.widht: did you mean model.width?")
  }

  @Test func modelsOfAnotherKindAreRefused() throws {
    let pictures = try ColouredShapes(4)
    let vision = try JepaProcess.run(
      ["train", "images", pictures.path, "--output", run, "--steps", "1"] + JepaProcess.tiny)
    #expect(vision.status == 0, "\(vision.errors)")
    try expectFailure(
      ["plan", "1+1", "--checkpoint", run],
      saying: "\(run)/step-0000001/config.json: expected model_type swift-jepa-planner, found "
        + "swift-jepa-conv")
    let planner = "\(folder.path)/planner"
    let trained = try JepaProcess.run(
      ["train", "text", examples, "--output", planner, "--steps", "1"] + Self.tiny)
    #expect(trained.status == 0, "\(trained.errors)")
    let result = try JepaProcess.run([
      "embed", pictures.path, "--checkpoint", planner, "--output", "\(folder.path)/e.npy",
    ])
    #expect(result.status == 1)
    #expect(
      result.errors.hasPrefix(
        "jepa: error: \(planner)/step-0000001/config.json: expected model_type ijepa, "))
    #expect(result.errors.hasSuffix(", found swift-jepa-planner\n"))
  }
}

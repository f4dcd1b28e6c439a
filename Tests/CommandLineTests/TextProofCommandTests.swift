import Foundation
import TestSupport
import Testing
import TextPlanner
import TrainingRuns

/// Making tasks, remembering, training a baseline and evaluating, as a user does.
@Suite struct TextProofCommandTests {
  let folder = TemporaryPath("proof")
  private var task: String { "\(folder.path)/task" }
  private var run: String { "\(folder.path)/run" }
  private var memory: String { "\(folder.path)/facts.sqlite" }

  init() throws {
    try succeed([
      "make-task", "sort", "--size", "4", "--train", "80", "--test", "20", "--output", task,
    ])
  }

  @discardableResult
  private func succeed(
    _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
    return result.output
  }

  private func expectFailure(
    _ arguments: [String], saying message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 1 && !result.wasKilled, sourceLocation: sourceLocation)
    #expect(result.errors == "jepa: error: \(message)\n", sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, sourceLocation: sourceLocation)
  }

  private func train(_ output: String, entries: Int = 2, seed: Int = 0) throws {
    try succeed(
      ["train", "text", "\(task)/train.jsonl", "--output", output, "--steps", "4"]
        + TextCommandTests.tiny + [
          "--set", "memory.entries=\(entries)", "--set", "promptLength=12", "--seed", "\(seed)",
        ])
  }

  private func file(_ name: String, _ text: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    return "\(folder.path)/\(name)"
  }

  @Test func tasksAreMadeOnceAndTheSeedDecides() throws {
    let again = "\(folder.path)/again"
    try succeed([
      "make-task", "sort", "--size", "4", "--train", "80", "--test", "20", "--output", again,
    ])
    for name in ["train.jsonl", "test.jsonl"] {
      #expect(
        FileManager.default.contents(atPath: "\(task)/\(name)")
          == FileManager.default.contents(atPath: "\(again)/\(name)"))
    }
    try expectFailure(
      ["make-task", "sort", "--output", task],
      saying: "\(task) is not empty: name another output folder")
    try expectFailure(
      ["make-task", "sudoku4", "--difficulties", "2-9", "--output", "\(folder.path)/x"],
      saying: "--difficulties: expected within 1-3, found 2-9")
    let relatives = try JepaProcess.run([
      "make-task", "sort", "--originals", "9", "--output", "\(folder.path)/x",
    ])
    #expect(relatives.status != 0)
    #expect(relatives.errors.contains("--originals is for sudokus, found sort"))
  }

  @Test func aPlannerIsComparedWithABaselineOfItsKind() throws {
    try train(run)
    let baseline = "\(folder.path)/baseline"
    let trained = try JepaProcess.run([
      "train", "text-baseline", "\(task)/train.jsonl", "--like", run, "--output", baseline,
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("million weights, 4 steps"))

    let arguments = ["evaluate-text", "\(task)/test.jsonl", "--checkpoint", run]
    let json = try succeed(arguments + ["--baseline", baseline, "--json"])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["count"] as? Int == 20)
    #expect((object["baselines"] as? [String: Any])?.count == 4)
    #expect(object["exactMatchBySteps"] != nil && object["auroc"] != nil)
    #expect(try succeed(arguments).contains("exact match after so many steps of plain descent"))

    let checkpoint = try Checkpoint.open(at: run)
    try expectFailure(
      arguments + ["--baseline", run],
      saying: "\(checkpoint.path)/config.json: expected model_type swift-jepa-autoregressive, "
        + "found swift-jepa-planner")
    try expectFailure(
      ["evaluate-text", try file("empty.jsonl", ""), "--checkpoint", run],
      saying: "\(folder.path)/empty.jsonl: the file is empty, expected lines such as "
        + #"{"prompt": "2+3", "answer": "5"}"#)
  }

  @Test func promptsThatWereTrainedOnAreRefused() throws {
    try train(run)
    let evaluate = ["evaluate-text", "\(task)/train.jsonl", "--checkpoint", run]
    let refused = try JepaProcess.run(evaluate)
    #expect(refused.status == 1 && refused.output.isEmpty)
    #expect(
      refused.errors.hasPrefix(
        "jepa: error: \(task)/train.jsonl: expected prompts that the model was not trained on, found "
      ))
    try succeed(evaluate + ["--allow-trained"])
  }

  @Test func samplesAreProposedAndJudged() throws {
    try train(run)
    let baseline = "\(folder.path)/baseline"
    let trained = try JepaProcess.run([
      "train", "text-baseline", "\(task)/train.jsonl", "--like", run, "--output", baseline,
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let plan = ["plan", "dbca", "--checkpoint", run]
    let sampled = try succeed(
      plan + ["--propose", "samples", "--sampler", baseline, "--samples", "3", "--json"])
    #expect(sampled.contains(#""prompt":"dbca""#) && sampled.contains(#""samples":"#))
    let raced = try succeed(plan + ["--race", "--along", "residual", "--steps", "2", "--json"])
    #expect(raced.contains(#""starts":4"#))
    for (arguments, message) in [
      (
        ["--propose", "samples"],
        "--propose samples and --sampler go together: give both or neither"
      ),
      (["--temperature", "0"], "--temperature: expected a number above 0, found 0.0"),
      (["--restart-noise", "2"], "--restart-noise: expected 0 to 1, found 2.0"),
      (
        ["--restart-noise", "0.5", "--race"],
        "--race makes all starts at once, and --restart-noise is for those after the first"
      ),
      (
        ["--propose", "samples", "--sampler", baseline, "--steps", "9"],
        "say nothing of samples: leave them or --propose samples out"
      ),
      (["--samples", "9"], "--samples and --temperature are for --propose samples: add it"),
    ] {
      let result = try JepaProcess.run(plan + arguments)
      #expect(result.status != 0 && result.errors.contains(message), "\(result.errors)")
    }
  }

  @Test func factsAreRememberedByProcessesAtOnceAndLookedUp() throws {
    try train(run)
    let facts = try (0..<2).map { writer in
      try file(
        "facts\(writer).jsonl",
        (0..<20).map { #"{"prompt": "f\#(writer) \#($0)", "answer": "a\#($0)"}"# }
          .joined(separator: "\n"))
    }
    let writers = try facts.map {
      try JepaProcess(["remember", "--file", $0, "--memory", memory, "--checkpoint", run])
    }
    for writer in writers {
      let result = writer.wait()
      #expect(result.status == 0, "\(result.errors)")
    }
    let output = try succeed([
      "remember", "f0 3", "new", "--memory", memory, "--checkpoint", run,
    ])
    #expect(output == "41 facts in \(memory)\n")
    let plan = try succeed(["plan", "f0 3", "--checkpoint", run, "--memory", memory, "--json"])
    #expect(plan.contains(#""prompt":"f0 3""#))
    let evaluated = try succeed([
      "evaluate-text", facts[0], "--checkpoint", run, "--memory", memory, "--json",
    ])
    #expect(evaluated.contains(#""count":20"#))
  }

  @Test func memoriesThatCannotBeUsedAreNamed() throws {
    try train(run)
    let plan = ["plan", "f", "--checkpoint", run, "--memory", memory]
    try expectFailure(plan, saying: "\(memory): no such memory: jepa remember makes one")
    try succeed(["remember", "f", "x", "--memory", memory, "--checkpoint", run])

    let other = "\(folder.path)/other"
    try train(other, seed: 1)
    let refused = try JepaProcess.run([
      "remember", "g", "y", "--memory", memory, "--checkpoint", other,
    ])
    #expect(refused.status == 1)
    #expect(
      refused.errors.hasPrefix("jepa: error: \(memory): the memory is of another model: expected "))

    let without = "\(folder.path)/without"
    try train(without, entries: 0)
    try expectFailure(
      ["plan", "f", "--checkpoint", without, "--memory", memory],
      saying: "\(without): the model was trained without a memory: "
        + "train with --set memory.entries=4")

    let diary = try file("diary", String(repeating: "No memory, but a diary.\n", count: 100))
    try expectFailure(
      ["remember", "f", "x", "--memory", diary, "--checkpoint", run],
      saying: "\(diary): expected a memory that jepa remember made, found another kind of file")
    try expectFailure(
      ["remember", "f", "12345", "--memory", memory, "--checkpoint", run],
      saying: "the answer '12345' has 5 symbols, the model's limit is 4")
  }
}
